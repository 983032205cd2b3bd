// Band mixer: T_pred + g_low dT_low + g_mid dT_mid + g_high dT_high with dT = T_ref - T_pred, so that gains of 1 correct.
//
// Moving a cutoff splits dT again: two inverse transforms of 3C planes, 10 million operations at C = 32, R = 32. Moving
// a gain only adds four triplanes, 0.4 million. Either way the picture then costs what a new field costs the viewer: a
// fold (6 million), a grid of 32^3 decoded points (0.3 thousand million, in slices of `SLICE` ms) and a draft.

const CUTS = ["lower", "upper"], GAINS = ["low", "mid", "high"];

class Mixer extends MixedPlanes {
  constructor(model, el, linked) {
    super(model, el, linked);
    this.spectra = new Spectra(this.tensors.correction);
    const [shares, shareCells] = makeTable("What the corrections are made of",
      ["Part of the residual", "by amplitude", "by power"], [...GAINS.map((name) => make("span", {}, name)), "corrected"]);
    const [scores, scoreCells] = makeTable("How close the pictures come", ["", "prediction", "this mix"], [
      "L1 to the oracle", "L1 to the truth", "PSNR to the oracle", "PSNR to the truth",
      "improvement, to the oracle", "improvement, to the truth"]);
    const [row, canvases] = pictureRow(["truth", "oracle", "prediction", "this mix"]);
    Object.assign(this, { shareCells, scoreCells, canvases });
    this.bandNames = [...shares.querySelectorAll("tbody th span")];
    this.views.append(row);
    this.reading.append(make("div", { class: "lrm-ex-columns" }, shares, scores));
    paint(this.canvases[0], this.judge.truth[0]);
  }

  /** Both cutoffs, of which the figure may fix the lower one. */
  get cuts() {
    return { ...this.content.fixed, ...this.state };
  }

  /** The upper cutoff is never below the lower one: the one that is not being moved gives way. */
  settled(wanted, change) {
    if (this.content.fixed || wanted.lower <= wanted.upper) return wanted;
    return "lower" in change ? { ...wanted, upper: wanted.lower } : { ...wanted, lower: wanted.upper };
  }

  mix(changed) {
    const { lower, upper } = this.cuts;
    if (changed.some((name) => CUTS.includes(name))) {
      this.parts = this.spectra.split([0, lower, upper, Infinity]);
      this.shares = this.spectra.shares([0, lower, upper, Infinity]);
    }
    const { shape, values } = this.tensors.predicted, [low, mid, high] = this.parts;
    const gains = GAINS.map((name) => this.state[name]);
    this.planes = { shape, values: values.map((value, at) => value + gains[0] * low[at] + gains[1] * mid[at] + gains[2] * high[at]) };
  }

  describe() {
    const { lower, upper } = this.cuts, gains = GAINS.map((name) => this.state[name]);
    const ranges = [`0 to ${lower}`, `${lower} to ${upper}`, `${upper} and up`];
    this.bandNames.forEach((span, band) => (span.textContent = this.content.parts?.[band] ?? `${GAINS[band]}: ${ranges[band]}`));
    const removed = {
      amplitude: gains.reduce((sum, gain, band) => sum + this.shares.amplitude[band] * (1 - Math.abs(1 - gain)), 0),
      power: gains.reduce((sum, gain, band) => sum + this.shares.power[band] * (1 - (1 - gain) ** 2), 0),
    };
    ["amplitude", "power"].forEach((measure, column) => {
      GAINS.forEach((_, band) => showShare(this.shareCells[band][column], this.shares[measure][band], BAND_COLOURS[band]));
      this.shareCells[3][column].replaceChildren(make("strong", {}, PERCENT(removed[measure])));
    });
    this.root.dataset.shares = JSON.stringify({ ...this.shares, removed });
  }

  /** The oracle is T_pred with all of dT. */
  async prepared(wanted) {
    const { shape, values } = this.tensors.predicted, { correction } = this.tensors;
    const oracle = { shape, values: values.map((value, at) => value + correction.values[at]) };
    this.reference ??= await this.judge.pictures(oracle, wanted);
    if (!this.reference) return false;
    this.before ??= await this.judge.pictures(this.tensors.predicted, wanted);
    if (!this.before) return false;
    paint(this.canvases[1], this.reference[0]);
    paint(this.canvases[2], this.before[0]);
    return true;
  }

  told(pictures) {
    paint(this.canvases[3], pictures[0]);
    const targets = { reference: this.reference, truth: this.judge.truth }, scores = {};
    Object.entries(targets).forEach(([name, target], place) => {
      const before = distances(this.before, target), now = distances(pictures, target);
      const improvement = 1 - now.l1 / before.l1;
      scores[name] = { before, now, improvement };
      const rows = [[before.l1, now.l1, 4, ""], [before.psnr, now.psnr, 1, " dB"]];
      rows.forEach(([a, b, digits, unit], row) => {
        this.scoreCells[2 * row + place][0].textContent = a.toFixed(digits) + unit;
        this.scoreCells[2 * row + place][1].textContent = b.toFixed(digits) + unit;
      });
      this.scoreCells[4 + place][1].textContent = PERCENT(improvement);
    });
    this.root.dataset.scores = JSON.stringify(scores);
    this.sum(scores);
  }

  sum({ reference, truth }) {
    const { removed, amplitude } = JSON.parse(this.root.dataset.shares), low = this.content.parts ? `in the ${this.content.parts[0]}` : `below ${this.state.lower} × Nyquist`;
    this.said.textContent =
      `By amplitude, ${PERCENT(amplitude[0], 0)} of the residual lies ${low}; what this mix corrects holds ` +
      `${PERCENT(removed.amplitude, 0)} of its amplitude and ${PERCENT(removed.power, 0)} of its power. The pictures come ` +
      `${PERCENT(reference.improvement, 0)} closer to those of the oracle and ${PERCENT(truth.improvement, 0)} closer to the truth.`;
  }
}
