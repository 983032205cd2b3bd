// Camera mismatch: the prediction of an encoder that was told a wrong distance, and, to compare, the right prediction
// made larger or smaller.
//
// A step scales 3C planes (0.4 million operations at C = 32, R = 32), transforms two residuals (10 million), and draws
// as `mixer.js` does.

/** The planes of an object `scale` times as large: T(p / scale), bilinear, the outermost texels repeated outside. */
function scaledPlanes({ shape, values }, scale) {
  if (scale === 1) return { shape, values };
  const side = shape[3], result = new Float32Array(values.length);
  const places = Array.from({ length: side }, (_, index) => {
    const at = ((2 * index + 1 - side) / scale + side - 1) / 2, inside = Math.max(0, Math.min(side - 1, at));
    const low = Math.min(Math.floor(inside), side - 2);
    return { low, share: inside - low };
  });
  for (let start = 0; start < values.length; start += side * side)
    places.forEach((row, r) => places.forEach((column, c) => {
      const at = start + row.low * side + column.low, { share: x } = column, { share: y } = row;
      result[start + r * side + c] = (1 - y) * ((1 - x) * values[at] + x * values[at + 1])
        + y * ((1 - x) * values[at + side] + x * values[at + side + 1]);
    }));
  return { shape, values: result };
}

/** Root of the power of planes less their channel means. */
function deviation({ shape, values }) {
  const texels = shape[2] * shape[3];
  let power = 0;
  for (let start = 0; start < values.length; start += texels) {
    const plane = values.subarray(start, start + texels), mean = plane.reduce((sum, value) => sum + value, 0) / texels;
    power += plane.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  }
  return Math.sqrt(power);
}

/** Size over `unit`, shares of amplitude (the corners in no band) and of power (in the high one); null for no residual. */
function residualSpectrum(shape, values, edges, unit) {
  const size = norm(values) / unit;
  if (!size) return null;
  const spectra = new Spectra({ shape, values });
  const power = spectra.shares([...edges.slice(0, -1), Infinity]).power;
  return { size, amplitude: spectra.shares(edges).amplitude, power };
}

const PARTS = ["residual", "manufactured"], MEASURES = ["amplitude", "power"];

class Mismatch extends MixedPlanes {
  constructor(model, el, linked) {
    super(model, el, linked);
    const { bands, tables } = this.content, [row, canvases] = pictureRow(["truth", "here", "difference"]);
    const columns = ["Band", "of amplitude, as published", "of power"];
    const shares = PARTS.map((part) => makeTable(tables[part], columns, bands));
    const [scores, scoreCells] = makeTable("How large, and how close", ["", "in this page", "record"],
      ["size of the residual", "size of the change", "covered area, over the true one", "L1 to the truth", "PSNR to the truth"]);
    Object.assign(this, { canvases, scoreCells, shareCells: shares.map(([, cells]) => cells) });
    this.unit = deviation(this.tensors.predicted);
    this.views.append(row);
    this.reading.append(make("div", { class: "lrm-ex-columns" }, ...shares.map(([table]) => table), scores));
    paint(this.canvases[0], this.judge.truth[0]);
  }

  /** What the record says of this state; null for a prediction that was scaled, and without a record. */
  get record() {
    return this.state.scale === 1 ? this.content.records[this.state.told] ?? null : null;
  }

  mix() {
    const { predicted, correction } = this.tensors, { told, scale } = this.state;
    const mismatch = this.tensors[`mismatch${told}`]?.values; // none where the truth was told
    const values = mismatch ? predicted.values.map((value, at) => value + mismatch[at]) : predicted.values;
    this.planes = scaledPlanes({ shape: predicted.shape, values }, scale);
    const change = this.planes.values.map((value, at) => value - predicted.values[at]);
    const residual = change.map((value, at) => value - correction.values[at]);
    const spectrum = (part) => residualSpectrum(predicted.shape, part, this.content.edges, this.unit);
    this.spectra = { residual: spectrum(residual), manufactured: spectrum(change) };
  }

  describe() {
    const { bands, published } = this.content;
    PARTS.forEach((part, table) => bands.forEach((_, row) => MEASURES.forEach((measure, column) => {
      const cell = this.shareCells[table][row][column], found = this.spectra[part];
      const share = this.record?.[part][measure][row], marks = {};
      if (part === "residual" && measure === "amplitude") marks.published = { share: published[row], text: "published" };
      if (share != null) marks.ours = { share, text: "record" };
      if (found) showShare(cell, found[measure][row], BAND_COLOURS[row], marks);
      else cell.textContent = "nothing";
    })));
    this.root.dataset.shares = JSON.stringify(this.spectra);
    PARTS.forEach((part, row) => {
      this.scoreCells[row][0].textContent = (this.spectra[part]?.size ?? 0).toFixed(3);
      this.scoreCells[row][1].textContent = this.record?.[part].size?.toFixed(3) ?? "none";
    });
    ["area", "l1", "psnr"].forEach((name, row) => {
      this.scoreCells[row + 2][0].textContent = "…";
      this.scoreCells[row + 2][1].textContent = this.formatted(name, this.record?.images);
    });
  }

  formatted(name, images) {
    if (images?.[name] == null) return "none";
    return { area: PERCENT, l1: (value) => value.toFixed(4), psnr: (value) => `${value.toFixed(1)} dB` }[name](images[name]);
  }

  told(pictures) {
    const { truth } = this.judge, found = { ...distances(pictures, truth), area: pictures.covered / this.content.area };
    const difference = pictures[0].map((value, at) => Math.abs(value - truth[0][at]));
    paint(this.canvases[1], pictures[0]);
    paint(this.canvases[2], difference.map((value) => 1 - value));
    ["area", "l1", "psnr"].forEach((name, row) => (this.scoreCells[row + 2][0].textContent = this.formatted(name, found)));
    this.root.dataset.scores = JSON.stringify(found);
    this.sum(found);
  }

  sum({ area, psnr }) {
    const { told, scale } = this.state, { texts } = this.content.sliders[0], { amplitude, power } = this.spectra.residual;
    const here = `Told the true distance ${texts[told]}${scale === 1 ? "" : ` and made ${scale.toFixed(2)} times as large`}`;
    this.said.textContent =
      `${here}, the object covers ${PERCENT(area, 0)} of its true area, at ${psnr.toFixed(1)} dB to the truth. The low band holds ` +
      `${PERCENT(amplitude[0], 0)} of the residual by amplitude (published ${PERCENT(this.content.published[0], 0)}) and ` +
      `${PERCENT(power[0], 0)} of its power; the high band ${PERCENT(amplitude[2], 0)} (published ` +
      `${PERCENT(this.content.published[2], 0)}) and ${PERCENT(power[2], 0)}.`;
  }
}
