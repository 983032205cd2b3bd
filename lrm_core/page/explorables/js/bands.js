// Radial bands of planes, as `lrm_core.spectral.bands`: radii in x Nyquist, half-open, the constant at 0.

/** Radius of each DFT index of a plane, row by row, rounded at the ninth decimal so that edges fall as in Python. */
function frequencyRadius(side) {
  const along = (k) => (2 * (k < side / 2 ? k : k - side)) / side;
  return Float64Array.from({ length: side * side }, (_, at) =>
    Math.round(1e9 * Math.hypot(along(Math.floor(at / side)), along(at % side))) / 1e9);
}

/** Number of the band of each DFT index, -1 outside all of them; band b is [edges[b], edges[b + 1]). */
function bandOf(side, edges) {
  return Int8Array.from(frequencyRadius(side), (radius) =>
    edges.findIndex((low, band) => band < edges.length - 1 && radius >= low && radius < edges[band + 1]));
}

/**
 * Planes {shape (3, C, R, R), values} with their transforms, made once. With R = 32 and 96 planes `constructor` takes
 * about 5 million operations, `split` as many for each band but the last, and `shares` 0.3 million.
 */
class Spectra {
  constructor({ shape, values }) {
    this.shape = shape;
    this.values = values;
    this.side = shape.at(-1);
    this.fourier = new Fourier(this.side);
    this.re = Float64Array.from(values);
    this.im = new Float64Array(values.length);
    for (const plane of this.planes()) this.fourier.forward(plane(this.re), plane(this.im));
  }

  /** For each plane the function that cuts it out of an array. */
  planes() {
    const texels = this.side ** 2;
    return Array.from({ length: this.values.length / texels }, (_, plane) => (array) =>
      array.subarray(plane * texels, (plane + 1) * texels));
  }

  /** The planes' parts in each band; the edges go from 0 to Infinity, so the last part is what the others leave. */
  split(edges) {
    const band = bandOf(this.side, edges), parts = edges.slice(2).map((_, number) => this.part(band, number));
    const rest = Float32Array.from(this.values, (value, at) => parts.reduce((left, part) => left - part[at], value));
    return [...parts, rest];
  }

  part(band, wanted) {
    const result = new Float32Array(this.values.length), texels = this.side ** 2;
    const [re, im] = [new Float64Array(texels), new Float64Array(texels)];
    for (const plane of this.planes()) {
      const [real, imaginary] = [plane(this.re), plane(this.im)];
      for (let at = 0; at < texels; at++) {
        re[at] = band[at] === wanted ? real[at] : 0;
        im[at] = band[at] === wanted ? imaginary[at] : 0;
      }
      this.fourier.inverse(re, im);
      plane(result).set(re);
    }
    return result;
  }

  /**
   * Share of each band: of the `power` of all planes, and of the `amplitude` as published, summed over the channels
   * of a plane and averaged over the three planes. What lies in no band is in the denominators.
   */
  shares(edges) {
    const band = bandOf(this.side, edges), bands = edges.length - 1, channels = this.shape[1];
    const power = new Float64Array(bands), amplitude = new Float64Array(bands);
    let whole = 0;
    for (let plane = 0; plane < 3; plane++) {
      const sums = new Float64Array(bands), count = channels * band.length;
      let all = 0;
      for (let at = plane * count; at < (plane + 1) * count; at++) {
        const square = this.re[at] ** 2 + this.im[at] ** 2, mine = band[at % band.length];
        whole += square;
        all += Math.sqrt(square);
        if (mine < 0) continue;
        power[mine] += square;
        sums[mine] += Math.sqrt(square);
      }
      sums.forEach((sum, number) => (amplitude[number] += sum / all / 3));
    }
    return { amplitude: [...amplitude], power: [...power].map((sum) => sum / whole) };
  }
}

/** Shares of bands for a power spectrum f^-exponent: `power_law_shares`, the constant as strong as the first harmonic. */
function powerLawShares(side, exponent, edges, measure) {
  const slope = measure === "power" ? exponent : exponent / 2, band = bandOf(side, edges);
  const sums = new Array(edges.length - 1).fill(0);
  let whole = 0;
  frequencyRadius(side).forEach((radius, at) => {
    const value = Math.max(radius, 2 / side) ** -slope;
    whole += value;
    if (band[at] >= 0) sums[band[at]] += value;
  });
  return sums.map((sum) => sum / whole);
}
