// Noise probe: T + n with noise n of one bin of frequencies, and how much the pictures change: a point on H(f).
//
// A draw transforms 3C planes of white noise (5 million operations at C = 32, R = 32), a bin transforms its part back (as
// many); a level only scales. The pictures then cost what they cost `mixer.js`.

const HEADROOM = 1.15; // of the chart above its highest value
const BLACK = 0.5; // change of a colour over the noise that is drawn black, the same for all bins
const DIGITS = 3; // of the greatest value that the chart names

/** Standard deviation of every channel in the texels of its plane's mask, 0 where there are none; masks (3, R, R). */
function spreadInside({ shape, values }, mask) {
  const texels = shape[2] * shape[3];
  return Float64Array.from({ length: 3 * shape[1] }, (_, channel) => {
    const from = texels * Math.floor(channel / shape[1]);
    let count = 0, sum = 0, squares = 0;
    for (let at = 0; at < texels; at++) {
      if (!mask[from + at]) continue;
      const value = values[channel * texels + at];
      count++; sum += value; squares += value * value;
    }
    return count ? Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2)) : 0;
  });
}

/**
 * `band_noise` in Python: the part of a white field (`Spectra`) in the bin [low, high), zero outside the mask, scaled in
 * every channel to a root mean square of `std` over the mask's texels.
 */
function bandNoise(white, [low, high], std, mask) {
  const noise = white.part(bandOf(white.side, [low, high]), 0), texels = white.side ** 2, channels = white.shape[1];
  std.forEach((wanted, channel) => {
    const from = texels * Math.floor(channel / channels), start = channel * texels;
    let count = 0, squares = 0;
    for (let at = 0; at < texels; at++) {
      if (!mask[from + at]) noise[start + at] = 0;
      else count++;
      squares += noise[start + at] ** 2;
    }
    const factor = squares ? wanted / Math.sqrt(squares / count) : 0;
    for (let at = start; at < start + texels; at++) noise[at] *= factor;
  });
  return noise;
}

const norm = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** H, and the relative sizes (L2) of the noise in the planes and of the change in the pictures; null without noise. */
function measuredResponse(before, after, planes, noise, std) {
  const size = norm(std) / Math.sqrt(std.length);
  if (!size) return null;
  const changes = after.map((picture, view) => picture.map((value, at) => value - before[view][at]));
  const planesChange = norm(noise) / norm(planes), picturesChange = norm(changes.map(norm)) / norm(before.map(norm));
  const change = changes.reduce((sum, one) => sum + one.reduce((a, value) => a + Math.abs(value), 0) / one.length, 0);
  return { h: change / changes.length / size, planesChange, picturesChange };
}

class Probe extends MixedPlanes {
  constructor(model, el, linked) {
    super(model, el, linked);
    const [row, canvases] = pictureRow(["without noise", "with noise", "change over noise"]);
    const [table, cells] = makeTable("What the noise does", ["", "in this page"],
      ["noise, over the planes (L2)", "change, over the pictures (L2)", "the second over the first", "H of this bin", "H of the record"]);
    this.plot = make("div");
    Object.assign(this, { canvases, cells, before: {}, measured: new Map() });
    this.views.append(row);
    this.reading.append(make("div", { class: "lrm-ex-columns" }, this.plot, table));
  }

  get place() {
    return this.content.places[this.state.place];
  }

  get bin() {
    const { edges } = this.content, { band } = this.state;
    return [edges[band], edges[band + 1]];
  }

  mix(changed) {
    const base = this.tensors[this.place.planes], { shape, values } = base, { level, draw } = this.state;
    if (changed.includes("draw"))
      this.white = new Spectra({ shape, values: gaussian(values.length, (draw - 1) * values.length) });
    const mask = this.tensors[this.place.mask]?.values ?? new Float32Array(3 * shape[2] * shape[3]).fill(1);
    const unit = this.place.mask ? spreadInside(base, mask) : new Float64Array(3 * shape[1]).fill(1);
    this.std = unit.map((one) => level * one);
    this.noise = bandNoise(this.white, this.bin, this.std, mask);
    this.planes = { shape, values: values.map((value, at) => value + this.noise[at]) };
  }

  /** H by bin and draw, as measured so far in this place with noise of this size. */
  get series() {
    const { level, place } = this.state, key = [level, place].join();
    if (!this.measured.has(key)) this.measured.set(key, new Map());
    return this.measured.get(key);
  }

  get key() {
    return [this.state.band, this.state.draw].join();
  }

  describe() {
    const stored = this.place.curves[0]?.values[this.state.band];
    this.cells.forEach(([cell]) => (cell.textContent = "…"));
    this.cells[4][0].textContent = stored ? stored.toFixed(4) : "none";
    this.draw();
  }

  /** The curves of the record, and the points measured so far. */
  draw() {
    const { edges, axis } = this.content, centre = (bin) => (edges[bin] + edges[bin + 1]) / 2 / edges.at(-1);
    const curves = this.place.curves.map((curve) => ({ ...curve, colour: BAND_COLOURS[0] }));
    const dots = [...this.series].map(([key, value]) =>
      ({ t: centre(parseInt(key, 10)), value, colour: BAND_COLOURS[2], faint: key !== this.key }));
    const highest = Math.max(...curves.flatMap(({ values }) => values), ...dots.map(({ value }) => value), 10 ** -DIGITS);
    const range = [0, Math.ceil(HEADROOM * highest * 10 ** DIGITS) / 10 ** DIGITS];
    const places = edges.slice(1).map((_, bin) => centre(bin)), ends = ["0", `${edges.at(-1)} × Nyquist`];
    this.plot.replaceChildren(chart(axis, curves, range, { ends, places, dots }).element);
  }

  async prepared(wanted) {
    const { planes } = this.place;
    this.before[planes] ??= await this.judge.pictures(this.tensors[planes], wanted);
    return Boolean(this.before[planes]);
  }

  told(pictures) {
    const before = this.before[this.place.planes], values = this.tensors[this.place.planes].values;
    const found = measuredResponse(before, pictures, values, this.noise, this.std);
    const change = pictures[0].map((value, at) => Math.abs(value - before[0][at])), most = BLACK * norm(this.std) / Math.sqrt(this.std.length) || 1;
    [before[0], pictures[0], change.map((value) => 1 - value / most)].forEach((picture, at) => paint(this.canvases[at], picture));
    if (found) this.series.set(this.key, found.h);
    this.draw();
    this.root.dataset.scores = JSON.stringify(found);
    this.sum(found);
  }

  sum(found) {
    if (!found) {
      this.said.textContent = "No part of this object is dense enough to have texels that noise could be added to.";
      return;
    }
    const { h, planesChange, picturesChange } = found, [low, high] = this.bin, curve = this.place.curves[0];
    const numbers = [PERCENT(planesChange), PERCENT(picturesChange), (picturesChange / planesChange).toFixed(3), h.toFixed(4)];
    numbers.forEach((text, row) => (this.cells[row][0].textContent = text));
    const stored = curve?.values[this.state.band];
    const beside = stored ? `, ${(h / stored).toFixed(2)} times the ${stored.toFixed(4)} of the ${curve.name}` : "";
    this.said.textContent =
      `Noise from ${low} to ${high} × Nyquist, ${PERCENT(planesChange, 0)} of the planes, changes the pictures by ` +
      `${PERCENT(picturesChange)}. H is ${h.toFixed(4)}${beside}.`;
  }
}
