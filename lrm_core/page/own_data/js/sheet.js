// The viewer as others wait for it: a view is asked for, and the picture is there when it rests.

const SHEET_VIEWS = 7, SHEET_COLUMNS = 4, SHEET_ELEVATION = 20;

class RestingFigure extends Figure {
  least = -Infinity; // raw density below which nothing is drawn

  start() {
    super.start();
    this.thin(this.least);
  }

  thin(least) {
    this.least = least;
    if (!this.painter) return; // not near the screen yet
    this.painter.scene.least = least;
    this.painter.changed();
  }

  reached(stage, source) {
    super.reached(stage, source);
    if (stage === "rest") this.resting?.();
  }

  /** Resolves once this view is drawn as well as it gets. */
  rested(view) {
    return new Promise((resolve) => {
      this.resting = resolve;
      this.painter.turn(this.look(view));
    });
  }
}

/** A PNG of what the model sees and views on a circle, as a blob; null where it is not wanted any more. */
async function sheetOf(figure, seen, current) {
  const still = !figure.painter || figure.root.dataset.stage === "poster";
  if (still) throw new Error("Without the turning picture there are no views of it.");
  const { width: side } = figure.canvas, rows = Math.ceil((1 + SHEET_VIEWS) / SHEET_COLUMNS), before = figure.view;
  const sheet = make("canvas", { width: SHEET_COLUMNS * side, height: rows * side }), context = sheet.getContext("2d");
  const put = (picture, at) =>
    context.drawImage(picture, (at % SHEET_COLUMNS) * side, Math.floor(at / SHEET_COLUMNS) * side, side, side);
  put(seen, 0);
  for (let at = 0; at < SHEET_VIEWS; at++) {
    await figure.rested({ ...figure.first, azimuth: -90 + (360 * at) / SHEET_VIEWS, elevation: SHEET_ELEVATION });
    if (!current()) return null;
    put(figure.canvas, 1 + at);
  }
  figure.painter.turn(figure.look(before));
  return new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
}
