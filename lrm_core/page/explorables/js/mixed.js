// What the explorables of triplanes share: a picture that can be turned, and numbers that follow when the hand rests.

class MixedPlanes extends Explorable {
  /** Subclasses make `this.planes`, {shape, values}, from the state, and say what the numbers are. */
  constructor(model, el, linked) {
    super(model, el, linked);
    this.tensors = unpack(model.get("tensors"), model.get("data"));
    this.judge = new Judge(this.tensors, this.content.views);
    const traits = { ...this.content.scene, poster: model.get("poster"), alt: model.get("alt") };
    const scene = { get: (name) => traits[name], set: (name, value) => (traits[name] = value), on() {}, off() {}, save_changes() {} };
    this.figure = new Figure(scene, this.stage, () => ({ tensors: this.tensors, planes: this.planes }));
    this.version = 0;
  }

  update(changed) {
    this.mix(changed);
    this.figure.reload();
    this.describe();
    this.count(++this.version);
  }

  /** Pictures and numbers of the present state, unless it changes meanwhile. */
  async count(version) {
    const wanted = () => version === this.version && !this.ending.signal.aborted;
    this.root.dataset.counted = "";
    await Promise.all([nearby(this.root), new Promise((resolve) => setTimeout(resolve, SETTLED))]);
    if (!wanted() || !(await this.prepared(wanted))) return;
    const pictures = await this.judge.pictures(this.planes, wanted);
    if (!pictures) return;
    this.told(pictures);
    this.root.dataset.counted = String(version);
  }

  /** Pictures that the numbers are compared with, drawn once; false where they were interrupted. */
  async prepared() {
    return true;
  }

  close() {
    super.close();
    this.figure.close();
  }
}

/** Small pictures with their names: [element, canvases]. */
function pictureRow(names) {
  const canvases = names.map((name) => make("canvas", { role: "img", "aria-label": name }));
  const figures = names.map((name, at) => make("figure", {}, canvases[at], make("figcaption", {}, name)));
  return [make("div", { class: "lrm-ex-pictures" }, ...figures), canvases];
}
