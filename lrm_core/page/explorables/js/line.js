// Basins: (1 - t) A + t B between two oracles, with the distance of the numbers and of the pictures along the way.
//
// A step mixes two triplanes (0.2 million operations at C = 32, R = 32), correlates them channel by channel with both
// ends (1.2 million), and draws as `mixer.js` does.

/** Mean over the channels of Pearson's coefficient, and mean absolute difference: `latent_distance` in Python. */
function latentDistance({ shape, values }, other) {
  const texels = shape[2] * shape[3], channels = values.length / texels;
  let correlation = 0, l1 = 0;
  for (let start = 0; start < values.length; start += texels) {
    let a = 0, b = 0, aa = 0, bb = 0, ab = 0;
    for (let at = start; at < start + texels; at++) {
      const x = values[at], y = other[at];
      a += x; b += y; aa += x * x; bb += y * y; ab += x * y;
      l1 += Math.abs(x - y) / values.length;
    }
    const [va, vb] = [aa - (a * a) / texels, bb - (b * b) / texels];
    if (va > 0 && vb > 0) correlation += (ab - (a * b) / texels) / Math.sqrt(va * vb) / channels;
  }
  return { correlation, l1 };
}

class Line extends MixedPlanes {
  constructor(model, el, linked) {
    super(model, el, linked);
    const { psnr } = this.content, ends = this.ends(), [row, canvases] = pictureRow(["truth", "here on the line"]);
    this.range = [Math.floor(Math.min(...psnr)), Math.ceil(Math.max(...psnr))];
    const names = this.content.ends, colours = [BAND_COLOURS[2], BAND_COLOURS[0]];
    const steps = psnr.map((_, at) => latentDistance(this.at(at / (psnr.length - 1)), ends[0]).correlation);
    const others = psnr.map((_, at) => latentDistance(this.at(at / (psnr.length - 1)), ends[1]).correlation);
    const least = Math.min(0, Math.floor(10 * Math.min(...steps, ...others)) / 10);
    this.latent = chart("Correlation with each end", [
      { name: names[0], colour: colours[0], values: steps }, { name: names[1], colour: colours[1], values: others }], [least, 1]);
    this.render = chart("PSNR to the truth (dB)", [{ name: "computed with lrm_core; the point in this page", colour: "var(--lrm-mid, #8a7a3a)", values: psnr }], this.range);
    const [table, cells] = makeTable("Distance of the numbers", ["", names[0], names[1]], ["correlation", "mean abs. difference"]);
    Object.assign(this, { cells, canvases });
    this.views.append(row);
    this.reading.append(make("div", { class: "lrm-ex-columns" }, this.latent.element, this.render.element, table));
    paint(this.canvases[0], this.judge.truth[0]);
  }

  ends() {
    return ["a", "b"].map((name) => this.tensors[name].values);
  }

  at(t) {
    const { shape, values } = this.tensors.a, other = this.tensors.b.values;
    return { shape, values: values.map((value, at) => value + t * (other[at] - value)) };
  }

  mix() {
    this.planes = this.at(this.state.t);
  }

  describe() {
    const found = this.ends().map((end) => latentDistance(this.planes, end));
    this.latent.move(this.state.t, found.map(({ correlation }) => correlation));
    this.render.move(this.state.t, null);
    found.forEach(({ correlation, l1 }, column) => {
      this.cells[0][column].textContent = correlation.toFixed(2);
      this.cells[1][column].textContent = l1.toFixed(3);
    });
    this.root.dataset.distances = JSON.stringify(found);
  }

  told(pictures) {
    const { psnr, l1 } = distances(pictures, this.judge.truth), { t } = this.state;
    paint(this.canvases[1], pictures[0]);
    this.render.move(t, [Math.max(this.range[0], Math.min(this.range[1], psnr))]);
    this.root.dataset.scores = JSON.stringify({ psnr, l1 });
    const [a, b] = JSON.parse(this.root.dataset.distances).map(({ correlation }) => correlation.toFixed(2));
    this.said.textContent =
      `At t = ${t.toFixed(2)} the triplane correlates by ${a} with the ${this.content.ends[0]} and by ${b} with the ` +
      `${this.content.ends[1]}; its pictures are at ${psnr.toFixed(1)} dB to the truth.`;
  }
}
