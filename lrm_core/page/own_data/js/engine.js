// The page's side of the model: a worker made from its own source, and the scripts that carry the parameters.

class Engine {
  /** `source`: the worker's script; `address`: the folder of the model's scripts; `about`: as `carried.py` says. */
  constructor(source, address, about) {
    Object.assign(this, { address, about, waiting: new Map(), count: 0, took: {} });
    this.worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
    this.worker.onmessage = ({ data: { id, result, error, took } }) => {
      const { kind, resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      this.took[kind] = took;
      error ? reject(new Error(error)) : resolve(result);
    };
  }

  /** What the worker answers to a message of some kind. */
  ask(kind, content = {}, moved = []) {
    const id = this.count++;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { kind, resolve, reject });
      this.worker.postMessage({ id, kind, ...content }, moved);
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
    this.head = head;
    this.simd = (await this.ask("start", { about: this.about, head })).simd;
  }

  /** One script; it calls `lrmModel(number, text, more)`. */
  part(number) {
    return new Promise((resolve, reject) => {
      const script = document.createElement("script");
      globalThis.lrmModel = (_, text, more) => resolve({ text, more });
      script.src = `${this.address}/${number}.js`;
      script.onerror = () => reject(new Error(`the model's file ${number}.js is missing beside this page`));
      script.onload = () => script.remove();
      document.head.append(script);
    });
  }

  close() {
    this.worker.terminate();
  }
}
