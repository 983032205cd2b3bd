// The field on a grid of texel centres, decoded here: enough for a first picture, and to know what is empty.

const RAW_LOW = -10, RAW_HIGH = 40; // raw densities that the grid's eight bits span
const EMPTY = -5; // raw density below which nothing is seen: 0.0025 per world unit
const rawLevel = (density) => (density > 0 ? density + Math.log(-Math.expm1(-density)) + 1 : -Infinity); // as `raw_level`
const BATCH = 4; // points decoded at a time

/** The decoder behind its first layer, on `BATCH` points at once; numbers of the points lie side by side. */
class Mlp {
  constructor(tensors) {
    const copy = (name) => Float64Array.from(tensors[name].values);
    this.layers = [2, 4].map((number) => [copy(`net.${number}.weight`), copy(`net.${number}.bias`)]);
    this.head = [copy("net.6.weight"), copy("net.6.bias")];
    this.first = copy("net.0.bias");
    this.hidden = new Float64Array(HIDDEN * BATCH);
    this.other = new Float64Array(HIDDEN * BATCH);
    this.raw = new Float64Array(4 * BATCH);
  }

  /** From `hidden`, the first layer's output, to `raw`: density, then the three colours. */
  run() {
    relu(this.hidden);
    multiply(...this.layers[0], this.hidden, this.other);
    relu(this.other);
    multiply(...this.layers[1], this.other, this.hidden);
    relu(this.hidden);
    multiply(...this.head, this.hidden, this.raw);
  }
}

function relu(values) {
  for (let at = 0; at < values.length; at++) if (values[at] < 0) values[at] = 0;
}

/** out = weight @ input + bias for four points, two rows at a time: eight sums stay in registers. */
function multiply(weight, bias, input, out) {
  for (let row = 0; row < bias.length; row += 2) {
    const first = row * HIDDEN, second = first + HIDDEN, a = bias[row], b = bias[row + 1], at = BATCH * row;
    let a0 = a, a1 = a, a2 = a, a3 = a, b0 = b, b1 = b, b2 = b, b3 = b;
    for (let column = 0; column < HIDDEN; column++) {
      const u = weight[first + column], v = weight[second + column], from = BATCH * column;
      const p = input[from], q = input[from + 1], r = input[from + 2], s = input[from + 3];
      a0 += u * p; a1 += u * q; a2 += u * r; a3 += u * s;
      b0 += v * p; b1 += v * q; b2 += v * r; b3 += v * s;
    }
    out[at] = a0; out[at + 1] = a1; out[at + 2] = a2; out[at + 3] = a3;
    out[at + 4] = b0; out[at + 5] = b1; out[at + 6] = b2; out[at + 7] = b3;
  }
}

/** Folded planes at the centres of size^2 cells: [plane][row][column][unit], bilinear, zeros outside. */
function resample(folded, wide, size) {
  const result = new Float32Array(3 * size * size * HIDDEN), side = wide - 2;
  for (let plane = 0; plane < 3; plane++)
    for (let row = 0; row < size; row++)
      for (let column = 0; column < size; column++) {
        const [y, x] = [row, column].map((index) => ((index + 0.5) / size) * side + 0.5);
        const y0 = Math.floor(y), x0 = Math.floor(x), dy = y - y0, dx = x - x0;
        const to = ((plane * size + row) * size + column) * HIDDEN;
        for (const [oy, ox] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
          const share = (oy ? dy : 1 - dy) * (ox ? dx : 1 - dx);
          if (share === 0) continue;
          for (let image = 0; image < HIDDEN / 4; image++) {
            const from = 4 * (((plane * 16 + image) * wide + y0 + oy) * wide + x0 + ox);
            for (let lane = 0; lane < 4; lane++) result[to + 4 * image + lane] += share * folded[from + lane];
          }
        }
      }
  return result;
}

/** A cube of size^3 texels: `texels` as RGBA bytes (colour, raw density), `raw` density, x fastest. */
class Grid {
  constructor(size) {
    this.size = size;
    this.texels = new Uint8Array(4 * size ** 3);
    this.raw = new Float32Array(size ** 3);
  }

  /**
   * Decode the field layer by layer, yielding after each. Where the coarser grid `known` (half the size) has nothing
   * near, its values are taken.
   */
  *bake(folded, wide, mlp, known = null) {
    const lattice = resample(folded, wide, this.size), wanted = known && known.occupied();
    for (let z = 0; z < this.size; z++) {
      this.layer(lattice, mlp, z, known, wanted);
      yield;
    }
  }

  layer(lattice, mlp, z, known, wanted) {
    const { size } = this, pending = [];
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        const at = (z * size + y) * size + x;
        const from = known && ((z >> 1) * known.size + (y >> 1)) * known.size + (x >> 1);
        if (!known || wanted[from]) pending.push(x, y, at);
        else {
          this.raw[at] = known.raw[from];
          for (let lane = 0; lane < 4; lane++) this.texels[4 * at + lane] = known.texels[4 * from + lane];
        }
        if (pending.length === 3 * BATCH) this.decode(lattice, mlp, z, pending.splice(0));
      }
    if (pending.length) this.decode(lattice, mlp, z, pending);
  }

  /** Points (x, y, index, ...) of layer z; a batch that is not full carries rubbish in its last places. */
  decode(lattice, mlp, z, points) {
    const { size } = this, { hidden, first, raw } = mlp, plane = size * size * HIDDEN;
    for (let point = 0; 3 * point < points.length; point++) {
      const x = points[3 * point], y = points[3 * point + 1];
      const xy = (y * size + x) * HIDDEN, xz = plane + (z * size + x) * HIDDEN, zy = 2 * plane + (y * size + z) * HIDDEN;
      for (let unit = 0; unit < HIDDEN; unit++)
        hidden[BATCH * unit + point] = first[unit] + lattice[xy + unit] + lattice[xz + unit] + lattice[zy + unit];
    }
    mlp.run();
    for (let point = 0; 3 * point < points.length; point++) {
      const at = points[3 * point + 2], byte = (value) => Math.max(0, Math.min(255, Math.round(255 * value)));
      this.raw[at] = raw[point];
      for (let lane = 0; lane < 3; lane++)
        this.texels[4 * at + lane] = byte(1.002 / (1 + Math.exp(-raw[BATCH * (lane + 1) + point])) - 0.001);
      this.texels[4 * at + 3] = byte((raw[point] - RAW_LOW) / (RAW_HIGH - RAW_LOW));
    }
  }

  /** 255 for each cell in which, or next to which, something may be seen; else 0. */
  occupied() {
    const { size } = this;
    let cells = Uint8Array.from(this.raw, (value) => (value < EMPTY ? 0 : 255));
    for (const stride of [1, size, size * size]) {
      const grown = cells.slice(), end = (size - 1) * stride;
      for (let at = 0; at < cells.length; at++) {
        if (!cells[at]) continue;
        const place = at % (size * stride);
        if (place >= stride) grown[at - stride] = 255;
        if (place < end) grown[at + stride] = 255;
      }
      cells = grown;
    }
    return cells;
  }

  /** Lowest and highest corner of the box around the cells that are `occupied`, in world units. */
  bounds(occupied) {
    const { size } = this, low = [size, size, size], high = [0, 0, 0];
    for (let at = 0; at < occupied.length; at++) {
      if (!occupied[at]) continue;
      [at % size, Math.floor(at / size) % size, Math.floor(at / size ** 2)].forEach((cell, axis) => {
        if (cell < low[axis]) low[axis] = cell;
        if (cell >= high[axis]) high[axis] = cell + 1;
      });
    }
    return [low, high].map((corner) => corner.map((cell) => (2 * cell) / size - 1));
  }
}
