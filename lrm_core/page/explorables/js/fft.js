// The discrete Fourier transform of square planes whose side is a power of two (Cooley and Tukey 1965).

class Fourier {
  /** Throws a RangeError for another side. */
  constructor(side) {
    if (side < 2 || side & (side - 1)) throw new RangeError(`expected a side that is a power of two, found ${side}`);
    this.side = side;
    this.cosine = Float64Array.from({ length: side / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / side));
    this.sine = Float64Array.from({ length: side / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / side));
    const bits = Math.log2(side);
    this.reversed = Uint32Array.from({ length: side }, (_, k) => {
      let result = 0;
      for (let bit = 0; bit < bits; bit++) result |= ((k >> bit) & 1) << (bits - 1 - bit);
      return result;
    });
  }

  /** numpy's fft2 of one plane, in place; `re` and `im` hold side^2 numbers each, row by row. */
  forward(re, im) {
    for (let row = 0; row < this.side; row++) this.line(re, im, row * this.side, 1);
    for (let column = 0; column < this.side; column++) this.line(re, im, column, this.side);
  }

  /** numpy's ifft2, in place: the forward transform with the parts swapped. */
  inverse(re, im) {
    this.forward(im, re);
    for (let at = 0; at < re.length; at++) {
      re[at] /= re.length;
      im[at] /= re.length;
    }
  }

  line(re, im, start, stride) {
    this.reorder(re, start, stride);
    this.reorder(im, start, stride);
    for (let half = 1; half < this.side; half *= 2)
      for (let block = 0; block < this.side; block += 2 * half)
        for (let k = 0; k < half; k++)
          this.butterfly(re, im, start + stride * (block + k), stride * half, (k * this.side) / (2 * half));
  }

  butterfly(re, im, at, reach, turn) {
    const to = at + reach, c = this.cosine[turn], s = this.sine[turn];
    const real = c * re[to] - s * im[to], imaginary = c * im[to] + s * re[to];
    re[to] = re[at] - real;
    im[to] = im[at] - imaginary;
    re[at] += real;
    im[at] += imaginary;
  }

  reorder(values, start, stride) {
    for (let k = 0; k < this.side; k++) {
      const other = this.reversed[k];
      if (other <= k) continue;
      const a = start + stride * k, b = start + stride * other, kept = values[a];
      values[a] = values[b];
      values[b] = kept;
    }
  }
}
