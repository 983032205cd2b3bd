// The figure: a picture comes in by drop, paste, choice or camera; what the model makes of it is shown and taken away.

const OWN_STYLE = `
.lrm-own { margin: 1.2rem 0; padding: 0.9rem; border: 1px solid var(--pst-color-border, #8886); border-radius: 8px;
  color: var(--pst-color-text-base, inherit); }
.lrm-own [hidden] { display: none !important; }
.lrm-own-drop { padding: 0.8rem; border: 2px dashed var(--pst-color-border, #888a); border-radius: 6px; text-align: center; }
.lrm-own-drop.over { border-color: var(--pst-color-primary, #1f6a72); }
.lrm-own p { margin: 0.5rem 0; font-size: 0.94rem; line-height: 1.45; }
.lrm-own .lrm-own-note { font-size: 0.88rem; color: var(--pst-color-text-muted, inherit); }
.lrm-own-buttons { display: flex; flex-wrap: wrap; gap: 0.4rem; justify-content: center; }
.lrm-own-result .lrm-own-buttons { justify-content: flex-start; }
.lrm-own button { font: inherit; font-size: 0.9rem; color: inherit; background: none; cursor: pointer; padding: 0.25rem 0.7rem;
  min-height: 2rem; border: 1px solid var(--pst-color-border, #888a); border-radius: 4px; }
.lrm-own button:disabled { opacity: 0.5; cursor: default; }
.lrm-own :is(button, input):focus-visible { outline: 3px solid var(--pst-color-primary, #1f6a72); outline-offset: 2px; }
.lrm-own-starters { display: grid; grid-template-columns: repeat(6, minmax(0, 4.5rem)); gap: 0.4rem; justify-content: center; margin-top: 0.6rem; }
.lrm-own-starters button { padding: 0; line-height: 0; background: #fff; overflow: hidden; }
.lrm-own-starters img { width: 100%; height: auto; margin: 0; }
.lrm-own progress { width: 100%; accent-color: var(--pst-color-primary, #1f6a72); }
.lrm-own-said { min-height: 1.45em; }
.lrm-own-result { display: grid; gap: 0.9rem 1.4rem; align-items: start; grid-template-columns: repeat(auto-fit, minmax(min(100%, 15.5rem), 1fr)); }
.lrm-own-result > * { min-width: 0; }
.lrm-own-result .lrm-viewer { margin: 0 auto; }
.lrm-own-pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0.7rem; align-items: start; }
.lrm-own figure { margin: 0; }
.lrm-own figcaption { margin: 0.2rem 0 0.5rem; font-size: 0.88rem; line-height: 1.35; }
.lrm-own-frame { position: relative; line-height: 0; }
.lrm-own-frame canvas { width: 100%; height: auto; border-radius: 3px; background: #fff; }
.lrm-own-given canvas { cursor: crosshair; touch-action: none; }
.lrm-own-frame div { position: absolute; pointer-events: none; border: 2px solid #e07b39; box-shadow: 0 0 0 1px #fff; }
.lrm-own label { display: block; margin: 0 0 0.5rem; font-size: 0.92rem; line-height: 1.35; }
.lrm-own label span { display: flex; justify-content: space-between; gap: 0.6rem; font-variant-numeric: tabular-nums; }
.lrm-own input[type="range"] { width: 100%; margin: 0; height: 1.5rem; accent-color: var(--pst-color-primary, #1f6a72); }
`;
const ASK = "The background is not plain, so this is a guess: drag a box around the thing on the left picture.";
const HOW = { alpha: "Cut out by its transparency.", white: "Found on white.", plain: "Cut out of a plain background.", box: "Cut out of the box.", guess: ASK };
const DISTANCE = 2; // that the model is told first, in world units
const SURFACE_DENSITY = 2; // of the mesh where no other is chosen: half a world unit of it absorbs 63% of the light
const VIEW = { resolution: 256, samples: 128, focal: 0.75, background: 1, azimuth: -90, elevation: 0, distance: 2, patience: 6, half: false };
const tick = () => new Promise((resolve) => setTimeout(resolve));

class OwnPicture {
  /** `model`: a widget's, or the page's; `engine`: see `engine.js`. */
  constructor(model, el, engine) {
    Object.assign(this, { model, engine, size: model.get("size"), told: DISTANCE, least: 0, turn: 0, ending: new AbortController() });
    this.said = make("p", { class: "lrm-own-said", role: "status", "aria-live": "polite" });
    this.bar = make("progress", { max: 1, value: 0, "aria-label": "Model loaded" });
    this.root = make("div", { class: "lrm-own", role: "group", "aria-label": "Your own picture", "data-stage": "idle" },
      make("style", {}, OWN_STYLE), this.entrance(), this.bar, this.said, this.result());
    this.bar.hidden = this.results.hidden = true;
    el.replaceChildren(this.root);
  }

  listen(element, name, handler) {
    element.addEventListener(name, handler, { signal: this.ending.signal });
  }

  button(text, act) {
    const button = make("button", { type: "button" }, text);
    this.listen(button, "click", act);
    return button;
  }

  /** Where pictures come in. */
  entrance() {
    const choose = make("input", { type: "file", accept: "image/png,image/jpeg,image/webp", hidden: "" });
    const photo = make("input", { type: "file", accept: "image/*", capture: "environment", hidden: "" });
    for (const input of [choose, photo])
      this.listen(input, "change", () => input.files[0] && this.take(input.files[0]).then(() => (input.value = "")));
    const starters = this.model.get("starters").map(({ name, picture }) => {
      const take = () => this.take(new Blob([fromBase64(picture.split(",")[1])]));
      return this.button(make("img", { src: picture, alt: `Try ${name}` }), take);
    });
    const camera = matchMedia("(pointer: coarse)").matches ? [this.button("Take a photo", () => photo.click())] : [];
    const place = make("div", { class: "lrm-own-drop" },
      make("p", {}, "Drop a picture of one thing here, or paste it."),
      make("div", { class: "lrm-own-buttons" }, this.button("Choose a picture", () => choose.click()), ...camera, choose, photo),
      make("div", { class: "lrm-own-starters" }, ...starters),
      make("p", { class: "lrm-own-note" }, this.model.get("note")));
    const over = (event, inside) => {
      event.preventDefault();
      place.classList.toggle("over", inside);
    };
    this.listen(place, "dragover", (event) => over(event, true));
    this.listen(place, "dragleave", (event) => over(event, false));
    this.listen(place, "drop", (event) => {
      over(event, false);
      const [file] = event.dataTransfer.files;
      file ? this.take(file) : this.fail(new Error("What was dropped is no file; save the picture first, or copy and paste it."));
    });
    this.listen(document, "paste", (event) => {
      const file = [...event.clipboardData.files].find(({ type }) => type.startsWith("image/"));
      if (file && !event.target.closest?.("input, textarea, [contenteditable=true]")) this.take(file);
    });
    return place;
  }

  result() {
    this.given = make("canvas", { role: "img", "aria-label": "The picture as given" });
    this.seen = make("canvas", { role: "img", "aria-label": "What the model sees" });
    this.mark = make("div");
    this.how = make("figcaption");
    this.place = make("div");
    this.undo = this.button("Without the box", () => this.frame(null));
    drawBox(this.given, this.mark, (box) => this.frame(box), this.ending.signal);
    const pair = make("div", { class: "lrm-own-pair" },
      make("figure", { class: "lrm-own-given" }, make("div", { class: "lrm-own-frame" }, this.given, this.mark), make("figcaption", {}, "As given. Drag a box around the thing to cut it out."), this.undo),
      make("figure", {}, make("div", { class: "lrm-own-frame" }, this.seen), this.how));
    const distance = this.slider("Distance that the model is told", { min: 1.4, max: 3, step: 0.05, value: DISTANCE }, (value) => this.tell(value));
    const density = this.slider("Hide what is thinner than", { min: 0, max: 20, step: 0.5, value: 0 }, (value) => this.thin(value));
    this.buttons = [this.button("Mesh (GLB)", () => this.keepMesh()), this.button("Pictures around it (PNG)", () => this.keepSheet())];
    this.results = make("div", { class: "lrm-own-result" }, this.place,
      make("div", {}, pair, distance, density, make("div", { class: "lrm-own-buttons" }, ...this.buttons)));
    return this.results;
  }

  slider(label, { value, ...range }, change) {
    const input = make("input", { type: "range", ...range, value }), shown = make("b", {}, Number(value).toFixed(2));
    this.listen(input, "input", () => {
      shown.textContent = Number(input.value).toFixed(2);
      change(Number(input.value));
    });
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
    const { engine, picture, size } = this, { image, how } = await engine.ask("frame", { picture: { ...picture, box }, size });
    if (!current()) return;
    paintPixels(this.given, picture);
    paintPixels(this.seen, asPixels(image, size));
    this.mark.hidden = this.undo.hidden = !box;
    this.how.textContent = `As the model sees it. ${HOW[how]}`;
    this.results.hidden = false;
    await this.loaded();
    if (!current()) return;
    this.stage("busy", "The model looks at the picture.");
    await engine.ask("encode", { image });
    if (current()) await this.rebuild(current);
    if (current()) this.stage("done", this.summary(how));
  }

  async loaded() {
    if (this.engine.decoder) return;
    this.bar.hidden = false;
    this.stage("busy", "Loading the model.");
    await this.engine.load((share) => (this.bar.value = share));
    this.bar.hidden = true;
  }

  summary(how) {
    const seconds = ((performance.now() - this.began) / 1000).toFixed(1), slow = this.engine.simd === false;
    const words = `Built in ${seconds} seconds${slow ? ", as this browser has no SIMD" : ""}. Drag it to turn it.`;
    return how === "guess" ? `${words} ${ASK}` : words;
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
    this.figure = new RestingFigure(pageModel(state), this.place, () => ({ tensors: this.engine.decoder, planes: this.planes }));
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
      const { glb, triangles } = await this.engine.ask("mesh", { planes: this.planes, decoder: this.engine.decoder, density });
      if (!current()) return;
      this.keep(new Blob([glb], { type: "model/gltf-binary" }), "mesh.glb");
      this.stage("done", `Kept as mesh.glb: ${triangles.toLocaleString("en")} triangles where the density passes ${density.toFixed(1)}.`);
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
