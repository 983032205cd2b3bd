// Who computes: a worker made from its own source, with the model from the scripts beside the page, or a kernel's.

class Engine {
  /** `source`: the worker's script; `about`: as `carried` of `own_picture.py` says, with the `address` of the folder of the scripts. */
  constructor(source, about) {
    Object.assign(this, { about, waiting: new Map(), count: 0, took: {} });
    this.worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    this.worker.onmessage = ({ data: { id, ...answer } }) => this.answered(id, answer);
  }

  answered(id, { result, error, took }) {
    const { kind, resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    this.took[kind] = took;
    error ? reject(new Error(error)) : resolve(result);
  }

  /** What the worker answers to a message of some kind. */
  ask(kind, content = {}) {
    return this.asked(kind, (id) => this.worker.postMessage({ id, kind, ...content }));
  }

  asked(kind, send) {
    const id = this.count++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { kind, resolve, reject });
      send(id);
    });
  }

  /** Load the model once; `progress(share)` hears how much of it is here. */
  load(progress) {
    return (this.loading ??= this.gather(progress).catch((error) => {
      this.loading = null; // so that it can be tried again
      throw error;
    }));
  }

  async gather(progress) {
    let head;
    for (let number = 0; number < this.about.parts; number++) {
      const { text, more } = await this.part(number);
      head ??= more;
      await this.ask("part", { number, text });
      progress((number + 1) / this.about.parts);
    }
    Object.assign(this, await this.ask("start", { about: this.about, head }));
  }

  /** One script; it calls `lrmModel(number, text, more)`. */
  part(number) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      globalThis.lrmModel = (_, text, more) => resolve({ text, more });
      script.src = `${this.about.address}/${number}.js`;
      script.onerror = () => reject(new Error(`A file of the model, ${number}.js, is missing beside this page.`));
      script.onload = () => script.remove();
      document.head.append(script);
    });
  }

  close() {
    this.worker.terminate();
  }
}

/** In JupyterLab the kernel has the model, in full precision; framing and mesh stay with the worker. */
class KernelEngine extends Engine {
  constructor(source, model) {
    super(source, {});
    this.model = model;
    this.hear = ({ id, error, shape, took }, [planes]) => {
      const values = planes && new Float32Array(planes.buffer.slice(planes.byteOffset, planes.byteOffset + planes.byteLength));
      this.answered(id, { result: values && { shape, values }, error, took });
    };
    model.on("msg:custom", this.hear);
  }

  async gather() {
    this.decoder = unpack(this.model.get("tensors"), this.model.get("data"));
  }

  ask(kind, content = {}) {
    if (kind !== "encode" && kind !== "planes") return super.ask(kind, content);
    const { image, ...rest } = content;
    return this.asked(kind, (id) => this.model.send({ id, kind, ...rest }, undefined, image ? [image.buffer] : []));
  }

  close() {
    this.model.off("msg:custom", this.hear);
    super.close();
  }
}
