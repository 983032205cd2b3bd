// What the model sees: the thing on white in the middle of a square picture, as `framed` and `resampled` in `pictures.py`.

const EXTENT = 0.67, SETTLED_PIXELS = 2; // of the side, what the thing spans; framed so well already, it is left alone

/** Keys' cubic as PIL has it, a = -1/2. */
function cubic(x) {
  const t = Math.abs(x);
  return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : t < 2 ? ((-0.5 * t + 2.5) * t - 4) * t + 2 : 0;
}

/** For each of `size` pixels across [start, start + side): the first pixel that it takes from, and the weights. */
function taps(start, side, size) {
  const scale = side / size, wide = Math.max(scale, 1);
  return Array.from({ length: size }, (_, index) => {
    const centre = start + (index + 0.5) * scale;
    const first = Math.floor(centre - 2 * wide + 0.5), last = Math.floor(centre + 2 * wide + 0.5);
    const weights = Array.from({ length: last - first }, (_, tap) => cubic((first + tap - centre + 0.5) / wide));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** A square part of a picture (3, H, W) as (3, size, size), white where it reaches beyond. */
function resampled(image, width, height, [x, y], side, size) {
  const columns = taps(x, side, size), rows = taps(y, side, size), result = new Float32Array(3 * size * size);
  const row = new Float32Array(size), narrow = new Map(); // rows made narrow, by channel and number
  const made = (channel, at) => {
    if (at < 0 || at >= height) return row.fill(1);
    const key = channel * height + at, start = key * width;
    if (!narrow.has(key))
      narrow.set(key, Float32Array.from(columns, ({ first, weights }) => weights.reduce((sum, weight, tap) =>
        sum + weight * (first + tap >= 0 && first + tap < width ? image[start + first + tap] : 1), 0)));
    return narrow.get(key);
  };
  for (let channel = 0; channel < 3; channel++)
    rows.forEach(({ first, weights }, to) => {
      const out = result.subarray((channel * size + to) * size, (channel * size + to + 1) * size);
      weights.forEach((weight, tap) => made(channel, first + tap).forEach((value, at) => (out[at] += weight * value)));
    });
  return result.map((value) => Math.min(Math.max(value, 0), 1));
}

/** {image (3, size, size), how, extent} of RGBA pixels; null where it takes a box; throws an Error where they show nothing. */
function seenByModel({ pixels, width, height, box }, size) {
  const thing = found(pixels, width, height, box);
  if (!thing) return null;
  const { colours, alpha, mask, how } = thing, area = width * height;
  const extent = mask.withoutSpecks(SPECK).extent();
  if (!extent) throw new Error("The picture shows nothing: all of it is transparent or white.");
  const image = new Float32Array(3 * area);
  for (let at = 0; at < area; at++)
    for (let lane = 0; lane < 3; lane++) image[lane * area + at] = (colours[4 * at + lane] / 255) * alpha[at] + 1 - alpha[at];
  const [left, top, right, bottom] = extent, side = Math.max(right - left, bottom - top) / EXTENT;
  const corner = [(left + right - side) / 2, (top + bottom - side) / 2];
  const settled = Math.max(Math.abs(side - size) / 2, ...corner.map(Math.abs)) <= SETTLED_PIXELS;
  const framed = width === size && height === size && settled ? image : resampled(image, width, height, corner, side, size);
  return { image: framed, how, extent };
}
