// The figure: a picture that stands until the model is drawn, the canvas, and what it tells a reader.

const STYLE = `
.lrm-viewer { max-width: 32rem; margin: 0.8rem auto; }
.lrm-viewer-frame { position: relative; aspect-ratio: 1; background: #fff; border-radius: 6px; overflow: hidden;
  border: 1px solid var(--pst-color-border, #8886); }
.lrm-viewer-frame > * { position: absolute; inset: 0; width: 100%; height: 100%; display: block; margin: 0; }
.lrm-viewer canvas { touch-action: pan-y; cursor: grab; opacity: 0; }
.lrm-viewer canvas:active { cursor: grabbing; }
.lrm-viewer canvas:focus-visible { outline: 3px solid var(--pst-color-primary, #1f6a72); outline-offset: -3px; }
.lrm-viewer[data-stage="draft"] canvas, .lrm-viewer[data-stage="rest"] canvas { opacity: 1; }
.lrm-viewer-bar { display: flex; flex-wrap: wrap; gap: 0.3rem 1rem; align-items: center; justify-content: space-between;
  margin-top: 0.35rem; font-size: 0.88rem; color: var(--pst-color-text-muted, inherit); }
.lrm-viewer button { font: inherit; color: inherit; background: none; cursor: pointer; padding: 0.25rem 0.7rem; min-height: 2rem;
  border: 1px solid var(--pst-color-border, #888a); border-radius: 4px; }
`;
const SCENE = ["samples", "focal", "background", "patience"], CAMERA = ["azimuth", "elevation", "distance"];
const HINT = "Drag to turn, pinch or +/− to zoom; arrow keys work too.";
const STILL = "A still picture: this browser has no WebGL2.";
const LOST = "A still picture: the drawing was interrupted. Load the page again to turn it.";
const REDUCED = "A still picture, since this device asks for reduced motion.";

/** An element with attributes and children. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Resolves when the element comes near the screen. */
function nearby(element) {
  return new Promise((resolve) => {
    const observer = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      observer.disconnect();
      resolve();
    }, { rootMargin: "300px" });
    observer.observe(element);
  });
}

class Figure {
  /** `field()` says what to draw, {tensors, planes} as for `Renderer.load`; by default what the model carries. */
  constructor(model, el, field = () => ({ tensors: unpack(model.get("tensors"), model.get("data")) })) {
    const size = model.get("resolution");
    this.model = model;
    this.field = field;
    this.first = Object.fromEntries(CAMERA.map((name) => [name, model.get(name)]));
    this.canvas = make("canvas", {
      width: size, height: size, tabindex: 0, role: "application", "aria-roledescription": "3D view",
      "aria-label": `${model.get("alt")} ${HINT}`,
    });
    this.poster = make("img", { src: model.get("poster"), alt: model.get("alt") });
    this.hint = make("span", {}, HINT);
    this.button = make("button", { type: "button" }, "Reset view");
    this.frame = make("div", { class: "lrm-viewer-frame" }, this.poster);
    this.bar = make("div", { class: "lrm-viewer-bar" }, this.hint, this.button);
    this.root = make("div", { class: "lrm-viewer", "data-stage": "poster" }, make("style", {}, STYLE), this.frame, this.bar);
    this.ending = new AbortController();
    this.look(this.first);
    el.replaceChildren(this.root);
    if (!model.get("poster")) this.poster.hidden = true;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) this.offer();
    else nearby(this.root).then(() => this.start());
  }

  /** The still picture, and a button for those who want to turn it all the same. */
  offer() {
    this.hint.textContent = REDUCED;
    this.button.textContent = "Turn it by hand";
    this.button.addEventListener("click", () => this.start(), { once: true, signal: this.ending.signal });
  }

  start() {
    if (this.ending.signal.aborted) return;
    this.began = performance.now();
    try {
      this.renderer = new Renderer(this.canvas, { half: this.model.get("half") });
      const scene = Object.fromEntries(SCENE.map((name) => [name, this.model.get(name)]));
      this.painter = new Painter(this.renderer, scene, this.view, (stage, source) => this.reached(stage, source));
      this.reload();
    } catch (error) {
      this.still(error);
      return;
    }
    this.frame.append(this.canvas);
    this.poster.setAttribute("aria-hidden", "true"); // the canvas says the same
    this.hint.textContent = HINT;
    this.attend();
    this.painter.run().catch((error) => this.still(error));
  }

  /** Pointer, keys, button, and what a kernel changes. */
  attend() {
    const { signal } = this.ending;
    const go = (view) => this.painter.turn(this.look(view));
    listen(this.canvas, (change) => go(change ? moved(this.view, change) : this.first), (held) => this.painter.hold(held), signal);
    this.button.textContent = "Reset view";
    this.button.addEventListener("click", () => go(this.first), { signal });
    this.canvas.addEventListener("webglcontextlost", () => this.still(), { signal });
    const follow = () => {
      const view = Object.fromEntries(CAMERA.map((name) => [name, this.model.get(name)]));
      if (CAMERA.some((name) => view[name] !== this.view[name])) go(view);
    };
    const reload = () => this.reload();
    CAMERA.forEach((name) => this.model.on(`change:${name}`, follow));
    this.model.on("change:data", reload);
    signal.addEventListener("abort", () => {
      CAMERA.forEach((name) => this.model.off(`change:${name}`, follow));
      this.model.off("change:data", reload);
    });
  }

  /** Remember a view, kept within bounds. */
  look(view) {
    this.view = moved(view, {});
    return Object.assign(this.root.dataset, this.view) && this.view;
  }

  /** Draw the field as it is now; before the figure has started there is nothing to do. */
  reload() {
    if (!this.painter) return;
    const { tensors, planes } = this.field();
    this.painter.reload(tensors, planes);
  }

  reached(stage, source) {
    if (!this.root.dataset.firstPicture) {
      this.root.dataset.sinceStart = Math.round(performance.now() - this.began);
      this.root.dataset.firstPicture = Math.round(performance.now()); // since the page was asked for
    }
    Object.assign(this.root.dataset, { stage, source });
    if (stage !== "rest") return;
    this.root.dataset.rest = Math.round(performance.now());
    for (const [name, value] of Object.entries(this.view)) this.model.set(name, value);
    this.model.save_changes();
  }

  /** Back to the still picture: no WebGL2, a lost context, or a fault (which goes to the console). */
  still(error) {
    const missing = error instanceof MissingWebGL2;
    if (error && !missing) console.error(error);
    this.painter?.stop();
    this.canvas.remove();
    this.button.hidden = true;
    this.hint.textContent = missing ? STILL : LOST;
    this.poster.removeAttribute("aria-hidden");
    Object.assign(this.root.dataset, { stage: "poster", source: "poster" });
  }

  close() {
    this.ending.abort();
    this.painter?.stop();
    this.renderer?.close();
  }
}

/** anywidget's entry: draws the model into an element, returns what undoes it. */
function render({ model, el }) {
  const figure = new Figure(model, el);
  return () => figure.close();
}
