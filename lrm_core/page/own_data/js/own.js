// The figure: a picture comes in, what the model makes of it is shown and taken away.

const ASK = "The background is neither transparent nor plain: drag a box around the thing.";
const HOW = {
  alpha: "Cut out by its transparency.", white: "Found on white.", plain: "Cut out of a plain background.",
  box: "Cut out of the box.",
};
const DISTANCE = 2; // that the model is told first, in world units
const SURFACE_DENSITY = 2; // of the mesh where no other is chosen: half a world unit of it absorbs 63% of the light
const VIEW = {
  resolution: 256, samples: 128, focal: 0.75, background: 1, azimuth: -90, elevation: 0, distance: 2, patience: 6, half: false,
};
const tick = () => new Promise((resolve) => setTimeout(resolve));

class OwnPicture {
  /** `model`: a widget's, or the page's; `engine`: see `engine.js`. */
  constructor(model, el, engine) {
    Object.assign(this, { model, engine, size: model.get("size"), told: DISTANCE, least: 0, turn: 0 });
    this.ending = new AbortController();
    this.said = make("p", { class: "lrm-own-said", role: "status", "aria-live": "polite" });
    this.bar = make("progress", { max: 1, value: 0, "aria-label": "Model loaded" });
    this.root = make("div", { class: "lrm-own", role: "group", "aria-label": "Your own picture", "data-stage": "idle" },
      make("style", {}, OWN_STYLE), this.entrance(), this.bar, this.said, this.result());
    this.bar.hidden = this.results.hidden = true;
    el.replaceChildren(this.root);
  }

  entrance() {
    const take = (file) => this.take(file), refuse = (words) => this.fail(new Error(words));
    return entrance(this.model.get("starters"), this.model.get("note"), take, refuse, this.ending.signal);
  }

  button(text, act) {
    return pressed(text, act, this.ending.signal);
  }

  result() {
    this.given = make("canvas", { role: "img", "aria-label": "The picture as given" });
    this.seen = make("canvas", { role: "img", "aria-label": "What the model sees" });
    this.mark = make("div");
    this.how = make("figcaption");
    this.place = make("div");
    this.undo = this.button("Without the box", () => this.frame(null));
    drawBox(this.given, this.mark, (box) => this.frame(box), this.ending.signal);
    const seen = make("figure", {}, make("div", { class: "lrm-own-frame" }, this.seen), this.how);
    const pair = make("div", { class: "lrm-own-pair" },
      make("figure", { class: "lrm-own-given" }, make("div", { class: "lrm-own-frame" }, this.given, this.mark),
        make("figcaption", {}, "As given. Drag a box around the thing to cut it out."), this.undo), seen);
    const told = { min: 1.4, max: 3, step: 0.05, value: DISTANCE }, least = { min: 0, max: 20, step: 0.5, value: 0 };
    const sliders = [
      this.slider("Distance that the model is told", told, (value) => this.tell(value)),
      this.slider("Hide what is less dense than", least, (value) => this.thin(value)),
    ];
    const mesh = this.button("Mesh (GLB)", () => this.keepMesh());
    const sheet = this.button("Pictures around it (PNG)", () => this.keepSheet());
    const tools = make("div", {}, ...sliders, make("div", { class: "lrm-own-buttons" }, mesh, sheet));
    this.built = [this.place, seen, tools]; // what there is once the model has seen the thing
    this.results = make("div", { class: "lrm-own-result" }, this.place, make("div", {}, pair, tools));
    return this.results;
  }

  slider(label, { value, ...range }, change) {
    const input = make("input", { type: "range", ...range, value }), shown = make("b", {}, Number(value).toFixed(2));
    input.addEventListener("input", () => {
      shown.textContent = Number(input.value).toFixed(2);
      change(Number(input.value));
    }, { signal: this.ending.signal });
    return make("label", {}, make("span", {}, label, shown), input);
  }

  stage(stage, text) {
    this.root.dataset.stage = stage;
    this.said.textContent = text;
  }

  fail(error) {
    this.bar.hidden = true;
    this.stage("fault", error.message);
  }

  /** Do something of which only the last counts; its fault is said. */
  async alone(work) {
    const turn = ++this.turn, current = () => turn === this.turn && !this.ending.signal.aborted;
    try {
      await work(current);
    } catch (error) {
      if (current()) this.fail(error);
    }
  }

  /** A picture as a file or blob. */
  take(file) {
    this.began = performance.now();
    return this.alone(async (current) => {
      this.stage("busy", "Reading the picture.");
      const picture = await pixelsOf(file);
      if (!current()) return;
      this.picture = picture;
      await this.build(null, current);
    });
  }

  /** The same picture, cut out of a box or without one. */
  frame(box) {
    this.began = performance.now();
    return this.alone((current) => this.build(box, current));
  }

  async build(box, current) {
    const { engine, picture, size } = this;
    const found = await engine.ask("frame", { picture: { ...picture, box }, size });
    if (!current()) return;
    paintPixels(this.given, picture);
    this.mark.hidden = this.undo.hidden = !box;
    this.built.forEach((part) => (part.hidden = !found));
    this.results.hidden = false;
    if (!found) return this.stage("ask", ASK);
    const { image, how } = found;
    paintPixels(this.seen, asPixels(image, size));
    this.how.textContent = `As the model sees it. ${HOW[how]}`;
    await this.loaded();
    if (!current()) return;
    this.stage("busy", "The model looks at the picture.");
    await engine.ask("encode", { image });
    if (current()) await this.rebuild(current);
    if (current()) this.stage("done", this.summary());
  }

  async loaded() {
    if (this.engine.decoder) return;
    this.bar.hidden = false;
    this.stage("busy", "Loading the model.");
    await this.engine.load((share) => (this.bar.value = share));
    this.bar.hidden = true;
  }

  summary() {
    const seconds = ((performance.now() - this.began) / 1000).toFixed(1), slow = this.engine.simd === false;
    return `Built in ${seconds} seconds${slow ? ", as this browser has no SIMD" : ""}. Drag it to turn it.`;
  }

  /** Planes for the distance that is told now, until it does not change any more. */
  async rebuild(current) {
    for (let made = null; current() && made !== this.told; ) {
      made = this.told;
      this.planes = await this.engine.ask("planes", { distance: made });
      if (!current()) return;
      this.root.dataset.told = made;
      this.root.dataset.took = JSON.stringify(this.engine.took);
      this.show();
      await tick();
    }
  }

  async tell(distance) {
    this.told = distance;
    if (!this.planes || this.root.dataset.stage === "busy") return; // who is busy takes it up
    await this.alone(async (current) => {
      this.stage("busy", "The same picture, told another distance.");
      await this.rebuild(current);
      if (current()) this.stage("done", `Told ${this.told.toFixed(2)}: the picture is the same, the shape is not.`);
    });
  }

  /** The viewer, made once and given other planes later. */
  show() {
    if (this.figure) return this.figure.reload();
    const state = { ...VIEW, data: "", poster: this.seen.toDataURL(), alt: "What the model makes of the picture." };
    const field = () => ({ tensors: this.engine.decoder, planes: this.planes });
    this.figure = new RestingFigure(pageModel(state), this.place, field);
    this.thin(this.least);
  }

  thin(density) {
    this.least = density;
    this.figure?.thin(rawLevel(density));
  }

  async keepMesh() {
    await this.alone(async (current) => {
      this.stage("busy", "Finding the surface.");
      const density = this.least || SURFACE_DENSITY;
      const { planes, engine: { decoder } } = this;
      const { glb, triangles } = await this.engine.ask("mesh", { planes, decoder, density });
      if (!current()) return;
      this.keep(new Blob([glb], { type: "model/gltf-binary" }), "mesh.glb");
      const count = triangles.toLocaleString("en");
      this.stage("done", `Kept as mesh.glb: ${count} triangles where the density passes ${density.toFixed(1)}.`);
    });
  }

  async keepSheet() {
    await this.alone(async (current) => {
      this.stage("busy", "Drawing it from all sides.");
      const sheet = await sheetOf(this.figure, this.seen, current);
      if (!sheet) return;
      this.keep(sheet, "sheet.png");
      this.stage("done", "Kept as sheet.png: what the model sees, and seven views around.");
    });
  }

  keep(blob, name) {
    const link = make("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  close() {
    this.ending.abort();
    this.figure?.close();
    this.engine.close();
  }
}

/** anywidget's entry: the same figure, with the kernel's model. */
function drawnByKernel({ model, el }) {
  const figure = new OwnPicture(model, el, new KernelEngine(WORKER, model));
  return () => figure.close();
}
