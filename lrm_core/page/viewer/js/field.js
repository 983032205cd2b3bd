// What the page carries becomes what the GPU reads: packed tensors, and the first layer folded into the planes.

const HIDDEN = 64;

/** Tensors of `pack` by name: {shape, values: Float32Array}, row-major. */
function unpack(directory, view) {
  const tensors = {};
  for (const [name, { shape, rows, offset }] of Object.entries(directory)) {
    const columns = shape.reduce((product, size) => product * size, 1) / rows;
    const values = new Float32Array(rows * columns);
    const codes = new Uint8Array(view.buffer, view.byteOffset + offset + 8 * rows, rows * columns);
    for (let row = 0; row < rows; row++) {
      const low = view.getFloat32(offset + 4 * row, true), step = view.getFloat32(offset + 4 * (rows + row), true);
      for (let at = row * columns; at < (row + 1) * columns; at++) values[at] = low + step * codes[at];
    }
    tensors[name] = { shape, values };
  }
  return tensors;
}

/**
 * The first layer applied to each plane: bilinear lookup and a linear layer commute.
 * planes (3, C, R, R), weight (64, 3C) -> 48 images of (R + 2)^2 texels of four hidden units, a ring of zeros around.
 */
function fold(planes, weight) {
  const [, channels, side] = planes.shape, wide = side + 2, texels = side * side;
  const folded = new Float32Array(3 * HIDDEN * wide * wide), sum = new Float32Array(texels);
  for (let plane = 0; plane < 3; plane++) {
    for (let unit = 0; unit < HIDDEN; unit++) {
      sum.fill(0);
      for (let channel = 0; channel < channels; channel++) {
        const factor = weight.values[unit * 3 * channels + plane * channels + channel];
        const start = (plane * channels + channel) * texels;
        for (let texel = 0; texel < texels; texel++) sum[texel] += factor * planes.values[start + texel];
      }
      const image = (plane * HIDDEN + unit) >> 2, lane = unit & 3;
      for (let texel = 0; texel < texels; texel++) {
        const row = Math.floor(texel / side) + 1, column = (texel % side) + 1;
        folded[4 * ((image * wide + row) * wide + column) + lane] = sum[texel];
      }
    }
  }
  return folded;
}

/** A matrix (4n, 4m) as n m blocks of 4 x 4, row by row of blocks, the columns of each in order: GLSL's mat4[]. */
function blocks(weight) {
  const [rows, columns] = weight.shape, result = new Float32Array(rows * columns);
  let at = 0;
  for (let row = 0; row < rows; row += 4)
    for (let column = 0; column < columns; column++)
      for (let lane = 0; lane < 4; lane++) result[at++] = weight.values[(row + lane) * columns + column];
  return result;
}
