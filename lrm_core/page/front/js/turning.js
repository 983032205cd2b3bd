// The four pictures of the first page: fields drawn from one camera, beside the nearest true picture of the object.
// While a hand turns them the object follows in steps; at rest all four settle on the camera of a true picture.

const DRAWN = ["prediction", "coarse", "fine", "oracle"];
const SETTLE = 450, WAY = 260; // milliseconds without a change before settling, and that it takes
const SETTINGS = { samples: 96, background: 1, patience: 6 }, SIDE = 224; // pixels of a drawn picture
const HELP = "Arrow left and right: the next true picture. Dragging turns freely.";

/** A camera about the vertical of the object, in the world of the planes: (x, y, z) with the vertical at (0, b, c). */
function tilted(view, [b, c]) {
  const turn = ([x, y, z]) => [x, c * y + b * z, c * z - b * y];
  const { axes, eye } = lookAt(view);
  return { axes: axes.map(turn), eye: turn(eye) };
}

/** Painter of a field seen about the vertical of `scene.up`. */
class TurnedPainter extends Painter {
  get camera() {
    return { ...tilted(this.view, this.scene.up), ...this.scene };
  }
}

class Turning {
  constructor(root, content) {
    Object.assign(this, { root, content, oracle: false, painters: {}, held: false, turned: 0, made: new Map() });
    this.frames = Object.fromEntries([...root.querySelectorAll("figure")].map((one) => [one.dataset.picture, one.firstElementChild]));
    this.bars = [...root.querySelectorAll(".lrm-turn-bar")];
    this.truth = make("canvas", { width: 128, height: 128, "aria-hidden": "true" });
    this.frames.object.append(this.truth);
    [...this.bars[0].children].forEach((button, at) => button.addEventListener("click", () => this.choose(at)));
    this.bars[1].querySelector("button").addEventListener("click", () => this.swap());
    this.bars.forEach((bar) => (bar.hidden = false));
    this.signal = new AbortController().signal;
    for (const frame of Object.values(this.frames)) this.attend(frame);
    nearby(root).then(() => this.choose(0));
  }

  get shown() {
    return this.content.objects[this.at];
  }

  attend(frame) {
    if (frame === this.frames.prediction) {
      const words = { tabindex: 0, role: "application", "aria-roledescription": "3D view", "aria-label": HELP };
      Object.entries(words).forEach((pair) => frame.setAttribute(...pair));
    }
    frame.addEventListener("keydown", (event) => this.step(event));
    listen(frame, (change) => this.turn(change), (held) => this.hold(held), this.signal);
  }

  /** Show another object, from its first view. */
  choose(at) {
    this.at = at;
    [...this.bars[0].children].forEach((button, place) => button.setAttribute("aria-pressed", place === at));
    const { posters, sheet, name } = this.shown;
    for (const [picture, frame] of Object.entries(this.frames)) {
      frame.nextElementSibling.lastElementChild.textContent = this.said(picture);
      const still = frame.querySelector("img"), kind = picture === "object" && this.oracle ? "oracle" : picture;
      Object.assign(still, { src: posters[kind], alt: still.alt.replace(/^[^:]*/, name) });
    }
    this.pictures = new Image();
    this.pictures.onload = () => this.look(this.view);
    this.pictures.src = sheet;
    this.look(this.true(this.shown.start));
    this.draw();
  }

  /** The fields of the chosen object, split into bands here, once. */
  fields() {
    if (this.made.has(this.at)) return this.made.get(this.at);
    const tensors = unpack(this.shown.tensors, fromBase64(this.shown.data)), { shape, values } = tensors.predicted;
    const [low, high] = new Spectra(tensors.correction).split([0, this.content.cutoff, Infinity]);
    const added = (...parts) => ({ shape, values: values.map((value, at) => parts.reduce((sum, part) => sum + part[at], value)) });
    const planes = { prediction: tensors.predicted, coarse: added(low), fine: added(high), oracle: added(low, high) };
    this.made.set(this.at, { tensors, planes });
    return this.made.get(this.at);
  }

  draw() {
    try {
      const { tensors, planes } = this.fields();
      for (const name of DRAWN) if (name !== "oracle" || this.oracle) this.paint(name, tensors, planes[name]);
    } catch (error) {
      this.still(error);
    }
  }

  paint(name, tensors, planes) {
    const known = this.painters[name], painter = known ?? this.painter(name);
    Object.assign(painter, { scene: { ...SETTINGS, focal: this.shown.focal, up: this.shown.up } }).reload(tensors, planes);
    if (!known) painter.run().catch((error) => this.still(error));
  }

  painter(name) {
    const canvas = make("canvas", { width: SIDE, height: SIDE, "aria-hidden": "true", "data-field": name });
    (this.frames[name] ?? this.frames.object).append(canvas);
    canvas.addEventListener("webglcontextlost", () => this.still());
    const report = (stage) => Object.assign(canvas.dataset, { stage }) && Object.assign(this.root.dataset, { stage });
    return (this.painters[name] = new TurnedPainter(new Renderer(canvas), {}, this.view, report));
  }

  /** Back to still pictures. */
  still(error) {
    if (error && !(error instanceof MissingWebGL2)) console.error(error);
    Object.values(this.painters).forEach((painter) => painter.stop());
    this.root.querySelectorAll("canvas").forEach((canvas) => canvas.remove());
    this.bars[1].firstElementChild.textContent = STILL;
    Object.assign(this.root.dataset, { stage: "poster", source: "poster" });
  }

  /** The oracle in the place of the object, or the object again. */
  swap() {
    this.oracle = !this.oracle;
    this.bars[1].querySelector("button").setAttribute("aria-pressed", this.oracle);
    const figure = this.frames.object.nextElementSibling.firstElementChild;
    this.name ??= figure.textContent;
    figure.textContent = this.oracle ? "Oracle" : this.name;
    figure.nextElementSibling.textContent = this.said("object");
    this.root.dataset.oracle = this.oracle;
    this.frames.object.querySelector("img").src = this.shown.posters[this.oracle ? "oracle" : "object"];
    this.draw();
  }

  /** What stands under a picture. */
  said(picture) {
    return picture === "object" && this.oracle ? this.shown.oracle : this.shown.said[picture];
  }

  true(at) {
    const [azimuth, elevation, distance] = this.shown.views[at];
    return { azimuth, elevation, distance };
  }

  /** Number of the true view whose direction is nearest. */
  nearest(view) {
    const towards = lookAt(view).axes[2];
    const along = this.shown.views.map((_, at) => lookAt(this.true(at)).axes[2].reduce((sum, part, axis) => sum + part * towards[axis], 0));
    return along.indexOf(Math.max(...along));
  }

  look(view) {
    this.view = view;
    const at = this.nearest(view), side = this.pictures.naturalHeight;
    Object.assign(this.root.dataset, { view: at, azimuth: view.azimuth.toFixed(1), elevation: view.elevation.toFixed(1) });
    if (side) this.truth.getContext("2d").drawImage(this.pictures, at * side, 0, side, side, 0, 0, 128, 128);
    Object.values(this.painters).forEach((painter) => painter.turn(view));
  }

  turn(change) {
    const version = ++this.turned;
    this.look(change ? moved(this.view, { ...change, zoom: 1 }) : this.true(this.shown.start));
    if (!this.held) setTimeout(() => version === this.turned && this.settle(), SETTLE);
  }

  hold(held) {
    this.held = held;
    Object.values(this.painters).forEach((painter) => painter.hold(held));
    if (!held && this.turned) this.settle();
  }

  step(event) {
    const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!way || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const order = this.shown.views.map((_, at) => at).sort((a, b) => this.shown.views[a][0] - this.shown.views[b][0]);
    const place = order.indexOf(this.nearest(this.view)) + way;
    this.settle(order[(place + order.length) % order.length]);
  }

  /** Move to a true view, the nearest one if none is asked for. */
  settle(at = this.nearest(this.view)) {
    const version = ++this.turned, from = this.view, to = this.true(at), began = performance.now();
    const around = ((to.azimuth - from.azimuth + 540) % 360) - 180;
    const jump = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const go = () => {
      if (version !== this.turned) return;
      const way = jump ? 1 : Math.min(1, (performance.now() - began) / WAY), part = (name) => from[name] + way * (to[name] - from[name]);
      this.look(way === 1 ? to : { azimuth: from.azimuth + way * around, elevation: part("elevation"), distance: part("distance") });
      if (way < 1) requestAnimationFrame(go);
    };
    go();
  }
}

for (const script of document.querySelectorAll("script.lrm-turn-data"))
  new Turning(script.previousElementSibling, JSON.parse(script.textContent));
