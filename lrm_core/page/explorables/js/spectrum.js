// What is a spectrum: shares of three bands for power that falls like f^-a, summed as amplitude and as power.
//
// A step raises R^2 numbers to a power twice and transforms one plane back: 0.3 million operations at R = 64.

const CONTRAST = 2.5; // standard deviations from grey to black or white

class SpectrumFigure extends Explorable {
  constructor(model, el, linked) {
    super(model, el, linked);
    const { bands, side } = this.content;
    const [table, cells] = makeTable("Shares of the three bands",
      ["Band", "of amplitude, as published", "of power"], bands.map(({ name }) => make("span", {}, name, make("br"), make("span"))));
    this.cells = cells;
    this.modes = [...table.querySelectorAll("th span span")];
    this.reading.append(table);
    this.noise();
    this.canvas = make("canvas", { width: side, height: side, role: "img", "aria-label": this.content.picture });
    this.stage.append(make("figure", {}, this.canvas, make("figcaption", {}, this.content.picture)));
  }

  /** White noise, the same each time: its transform is given the slope. */
  noise() {
    const { side } = this.content;
    this.fourier = new Fourier(side);
    this.re = gaussian(side * side);
    this.im = new Float64Array(side * side);
    this.fourier.forward(this.re, this.im);
    this.radius = frequencyRadius(side);
  }

  update() {
    const { exponent } = this.state, { side, bands, edges, audited } = this.content;
    const shares = {
      modes: powerLawShares(side, 0, edges, "power"),
      amplitude: powerLawShares(side, exponent, edges, "amplitude"),
      power: powerLawShares(side, exponent, audited, "power"),
    };
    bands.forEach(({ marks }, band) => {
      this.modes[band].textContent = `${PERCENT(shares.modes[band])} of the modes`;
      ["amplitude", "power"].forEach((measure, column) =>
        showShare(this.cells[band][column], shares[measure][band], BAND_COLOURS[band], marks[measure]));
    });
    this.root.dataset.shares = JSON.stringify(shares);
    this.draw(exponent);
    const [low, high] = [0, 2].map((band) => [shares.amplitude[band], shares.power[band]].map((share) => PERCENT(share, 0)));
    this.say(
      `With power that falls like f to the minus ${exponent.toFixed(2)}, the low band holds ${low[0]} by amplitude and ` +
      `${low[1]} of the power; the high band ${high[0]} by amplitude and ${high[1]} of the power.`);
  }

  draw(exponent) {
    const { side } = this.content, factor = this.radius.map((radius) => Math.max(radius, 2 / side) ** (-exponent / 2));
    const [re, im] = [this.re, this.im].map((part) => part.map((value, at) => (at ? value * factor[at] : 0)));
    this.fourier.inverse(re, im);
    const spread = CONTRAST * Math.sqrt(re.reduce((sum, value) => sum + value * value, 0) / re.length);
    const picture = new Float32Array(3 * re.length);
    re.forEach((value, at) => picture.fill(Math.min(1, Math.max(0, 0.5 + 0.5 * (value / spread))), 3 * at, 3 * at + 3));
    paint(this.canvas, picture);
  }
}
