// What is drawn when: a first picture soon, the grid while the view moves, the decoder when it rests.

const FRAME = [14, 45]; // milliseconds: below, pictures in motion are drawn larger; above, smaller
const STRIP = 30; // milliseconds that a strip of the resting picture should take
const SLICE = 12; // milliseconds of work between two looks at what the reader does
const PAUSE = 120; // milliseconds without a change after which the view rests

/** Run a generator to its end in slices, with `rest` awaited between them; false where it is no longer `wanted`. */
async function inSlices(work, rest, wanted = () => true) {
  let start = performance.now();
  for (const _ of work) {
    if (performance.now() - start < SLICE) continue;
    await rest();
    if (!wanted()) return false;
    start = performance.now();
  }
  return true;
}

class Painter {
  /**
   * `scene`: {samples, focal, background, patience}; `report(stage, source)` hears "draft" after each picture in motion
   * and "rest" when the picture is as good as it gets, from the "grid" where the decoder would take longer than
   * `patience` seconds, else from the "decoder".
   */
  constructor(renderer, scene, view, report) {
    Object.assign(this, { renderer, scene, view, report });
    Object.assign(this, { held: false, scale: 0.5, version: 0, alive: true, slow: false, pace: null });
  }

  /** The field has changed: its grids are stale. */
  reload(tensors, planes) {
    this.renderer.load(tensors, planes);
    this.coarse = this.fine = false;
    this.changed();
  }

  turn(view) {
    this.view = view;
    this.changed();
  }

  hold(held) {
    this.held = held;
    this.changed();
  }

  changed() {
    this.version++;
    this.changedAt = performance.now();
    this.wake?.();
  }

  stop() {
    this.alive = false;
    this.wake?.();
  }

  /** Runs until `stop`; between any two steps a change of the view takes over. */
  async run() {
    let drafted = -1, rested = -1;
    while (this.alive && !this.renderer.gl.isContextLost()) {
      const version = this.version, still = () => this.alive && version === this.version;
      if (drafted !== version) {
        await this.draft();
        drafted = version;
      } else if (rested === version) await new Promise((resolve) => (this.wake = resolve));
      else if (this.held || performance.now() - this.changedAt < PAUSE) await nextFrame();
      else if (await this.refine(still)) {
        rested = version;
        this.report("rest", this.slow ? "grid" : "decoder");
      }
    }
  }

  get camera() {
    return { ...lookAt(this.view), ...this.scene };
  }

  async draft() {
    const { renderer } = this, first = !this.coarse;
    if (first) await this.bakeCoarse();
    const start = performance.now();
    renderer.draft(this.camera, this.scene.samples >> 1, first || this.held ? this.scale : 1);
    await renderer.finished();
    const took = performance.now() - start;
    if (!first && this.held && took > FRAME[1]) this.scale = Math.max(0.25, this.scale / Math.SQRT2);
    if (!first && this.held && took < FRAME[0]) this.scale = Math.min(1, this.scale * Math.SQRT2);
    this.report("draft", "grid");
  }

  /** To the end even where the field changes meanwhile, so that pictures follow a hand that does not rest. */
  async bakeCoarse() {
    const field = this.renderer.folded;
    await inSlices(this.renderer.bakeCoarse(), nextFrame);
    this.coarse = field === this.renderer.folded;
  }

  /** The best picture of the resting view; false where a change came between. */
  async refine(still) {
    if (!this.fine && !(await this.bake(still))) return false;
    this.renderer.draft(this.camera, this.scene.samples);
    await this.renderer.finished();
    await this.renderer.prepare();
    this.pace ??= await this.probe();
    this.slow = this.pace * this.renderer.canvas.height > 1000 * this.scene.patience;
    if (this.slow) this.renderer.draft(this.camera, this.scene.samples);
    return this.slow ? still() : this.decode(still);
  }

  async bake(still) {
    if (!(await inSlices(this.renderer.bakeFine(), nextFrame, still))) return false;
    return (this.fine = true);
  }

  /** Milliseconds that the decoder takes for a row through the middle, once its program is compiled. */
  async probe() {
    const middle = this.renderer.canvas.height >> 1;
    let took;
    for (const row of [middle, middle + 1]) {
      const start = performance.now();
      this.renderer.exact(this.camera, this.scene.samples, row, 1);
      await this.renderer.finished();
      took = performance.now() - start;
    }
    return took;
  }

  async decode(still) {
    const { renderer, camera } = this, side = renderer.canvas.height;
    for (let from = 0; from < side; ) {
      const rows = Math.min(Math.max(1, Math.round(STRIP / this.pace)), side - from), start = performance.now();
      renderer.exact(camera, this.scene.samples, from, rows);
      await renderer.finished();
      if (!still()) return false;
      this.pace = 0.5 * (this.pace + Math.max((performance.now() - start) / rows, 0.1));
      from += rows;
    }
    return true;
  }
}
