// The product of two matrices, for which a transformer needs nearly all of its time: in WebAssembly with four lanes, or
// in plain JavaScript where there is none.

const ROWS = 4, WIDE = 8, UNROLLED = 4; // of the tile of the result whose sums stay in registers; steps of a round

/** The function tile(a, b, out, inner, strideA, strideOut) as bytes: 4 x 8 sums over `inner`, a multiple of 4. */
function tileModule() {
  const [a, b, out, inner, strideA, strideOut, a1, a2, a3, low, high, factor, sums] = Array(13).keys();
  const rows = [a, a1, a2, a3], tile = rows.flatMap((from, row) => [[from, low, sums + 2 * row], [from, high, sums + 2 * row + 1]]);
  const moved = (local, by, to = local) => [...op.get(local), ...by, ...op.add, ...op.set(to)];
  const step = (k) => [
    ...op.get(b), ...op.load(32 * k), ...op.set(low), ...op.get(b), ...op.load(32 * k + 16), ...op.set(high),
    ...tile.flatMap(([from, half, sum]) => [
      ...(half === low ? [...op.get(from), ...op.splat(4 * k), ...op.set(factor)] : []),
      ...op.get(factor), ...op.get(half), ...op.times, ...op.get(sum), ...op.plus, ...op.set(sum),
    ]),
  ];
  return assembled(6, 3, 11, [
    ...[1, 2, 3].flatMap((row) => moved(rows[row - 1], op.get(strideA), rows[row])),
    ...op.repeatIf([
      ...Array.from({ length: UNROLLED }, (_, k) => step(k)).flat(),
      ...rows.flatMap((row) => moved(row, [...op.number(4 * UNROLLED)])),
      ...moved(b, [...op.number(32), ...op.number(UNROLLED), ...op.multiply]),
      ...op.get(inner), ...op.number(UNROLLED), ...op.subtract, ...op.keep(inner),
    ]),
    ...rows.flatMap((_, row) => [
      ...op.get(out), ...op.get(sums + 2 * row), ...op.store(0), ...op.get(out), ...op.get(sums + 2 * row + 1), ...op.store(16),
      ...moved(out, op.get(strideOut)),
    ]),
  ]);
}

/** The same tile without WebAssembly: each sum in a variable of its own, two rows of four columns at a time. */
function plainTile(memory) {
  const floats = new Float32Array(memory.buffer);
  const quarter = (a0, a1, b, out0, out1, inner) => {
    let p0 = 0, p1 = 0, p2 = 0, p3 = 0, q0 = 0, q1 = 0, q2 = 0, q3 = 0;
    for (let k = 0; k < inner; k++, b += WIDE) {
      const p = floats[a0 + k], q = floats[a1 + k], u = floats[b], v = floats[b + 1], w = floats[b + 2], x = floats[b + 3];
      p0 += p * u; p1 += p * v; p2 += p * w; p3 += p * x;
      q0 += q * u; q1 += q * v; q2 += q * w; q3 += q * x;
    }
    floats[out0] = p0; floats[out0 + 1] = p1; floats[out0 + 2] = p2; floats[out0 + 3] = p3;
    floats[out1] = q0; floats[out1 + 1] = q1; floats[out1 + 2] = q2; floats[out1 + 3] = q3;
  };
  return (a, b, out, inner, strideA, strideOut) => {
    for (let row = 0; row < ROWS; row += 2)
      for (let column = 0; column < WIDE; column += 4) {
        const from = (a + row * strideA) >> 2, to = ((out + row * strideOut) >> 2) + column;
        quarter(from, from + (strideA >> 2), (b >> 2) + column, to, to + (strideOut >> 2), inner);
      }
  };
}

/** The tile for a memory, {tile, simd}. */
function tileOf(memory) {
  try {
    const instance = new WebAssembly.Instance(new WebAssembly.Module(tileModule()), { page: { memory } });
    return { tile: instance.exports.run, simd: true };
  } catch (error) {
    if (!(error instanceof WebAssembly.CompileError)) throw error;
    return { tile: plainTile(memory), simd: false };
  }
}

/** Numbers in rows within a memory; `rows` counts those in use, room is for a multiple of 4. */
class Matrix {
  constructor(memory, at, rows, columns) {
    Object.assign(this, { memory, at, rows, columns });
    this.values = new Float32Array(memory.buffer, at, Math.ceil(rows / ROWS) * ROWS * columns);
  }

  /** The first rows, as a matrix of its own over the same numbers. */
  first(rows, columns = this.columns) {
    return new Matrix(this.memory, this.at, rows, columns);
  }

  row(index) {
    return this.values.subarray(index * this.columns, (index + 1) * this.columns);
  }
}

/** A memory of a fixed size that gives out matrices, and multiplies them. */
class Memory {
  /** Throws a RangeError where the browser refuses that many bytes. */
  constructor(bytes) {
    const pages = Math.ceil(bytes / 65536);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    this.used = 16;
    Object.assign(this, tileOf(this.memory));
  }

  matrix(rows, columns) {
    const made = new Matrix(this.memory, this.used, rows, columns);
    this.used += Math.ceil((4 * made.values.length) / 16) * 16;
    return made;
  }

  /**
   * out = a b, a and out from a column of theirs on.
   * `a` has `inner` columns in use; `panels` holds b (inner, columns) as (columns / 8, inner, 8).
   */
  multiply(a, panels, inner, columns, out, fromA = 0, fromOut = 0) {
    const strideA = 4 * a.columns, strideOut = 4 * out.columns, { tile } = this;
    for (let column = 0; column < columns; column += WIDE)
      for (let row = 0; row < a.rows; row += ROWS) {
        const at = out.at + row * strideOut + 4 * (fromOut + column);
        tile(a.at + row * strideA + 4 * fromA, panels.at + 4 * column * inner, at, inner, strideA, strideOut);
      }
  }
}

/** b (inner, columns) in panels of 8 columns; `entry(k, column)` is its number, zeros fill what is missing. */
function fillPanels(panels, inner, columns, entry) {
  let at = 0;
  for (let first = 0; first < columns; first += WIDE)
    for (let k = 0; k < inner; k++)
      for (let lane = 0; lane < WIDE; lane++) panels.values[at++] = entry(k, first + lane);
  return panels;
}
