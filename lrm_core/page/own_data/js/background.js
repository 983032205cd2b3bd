// The thing in a picture: by its alpha, on white (both as `pictures.py` decides), on another plain colour, or in a box.

const WHITE_LEAST = 250, RINGING = 235, BROAD = 2, NEAR = 16, SPECK = 0.01, CORNER = 0.03; // as in `pictures.py`
const PLAIN = 28, BORDER_SHARE = 0.85; // of 255: how far a plain background strays; of the border, how much of it is plain
const LEVELS = 12, ROUNDS_OF_CUT = 4; // of each channel in the histograms of the cut

const borderOf = (width, height) => {
  const rows = Array.from({ length: width }, (_, x) => [x, (height - 1) * width + x]);
  const columns = Array.from({ length: height - 2 }, (_, y) => [(y + 1) * width, (y + 2) * width - 1]);
  return [...rows, ...columns].flat();
};

/**
 * How much of each pixel the thing covers, and how that was found: {colours, alpha, mask, how}; null where it takes a box.
 * `pixels`: RGBA bytes; `box`: [left, top, right, bottom] in pixels, or null; `how`: "alpha", "white", "plain" or "box".
 * `colours` (RGBA bytes) belong on white with the weights `alpha`.
 */
function found(pixels, width, height, box) {
  const border = borderOf(width, height), clear = border.filter((at) => pixels[4 * at + 3] <= 128).length;
  if (!box && clear >= 0.5 * border.length) {
    const alpha = new Float32Array(width * height);
    for (let at = 0; at < alpha.length; at++) alpha[at] = pixels[4 * at + 3] / 255;
    return { colours: pixels, alpha, mask: Mask.where(width, height, (at) => alpha[at] > 0.5), how: "alpha" };
  }
  const colours = onWhite(pixels);
  const white = !box && cornersAreWhite(colours, width, height) && notWhite(colours, width, height);
  if (white) return { colours, alpha: new Float32Array(width * height).fill(1), mask: white, how: "white" };
  const mask = box ? cut(colours, width, height, box) : onPlain(colours, width, height, border);
  return mask && { colours, alpha: mask.softened(), mask, how: box ? "box" : "plain" };
}

function onWhite(pixels) {
  const result = new Uint8ClampedArray(pixels.length);
  for (let at = 0; at < pixels.length; at += 4) {
    const share = pixels[at + 3] / 255;
    for (let lane = 0; lane < 3; lane++) result[at + lane] = pixels[at + lane] * share + 255 * (1 - share);
    result[at + 3] = 255;
  }
  return result;
}

const darkestOf = (colours, at) => Math.min(colours[4 * at], colours[4 * at + 1], colours[4 * at + 2]);

function cornersAreWhite(colours, width, height) {
  const side = Math.max(2, Math.round(CORNER * Math.min(width, height)));
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      for (const at of [y * width + x, y * width + width - 1 - x, (height - 1 - y) * width + x, (height - y) * width - 1 - x])
        if (darkestOf(colours, at) < WHITE_LEAST) return false;
  return true;
}

/** What is darker than the white around it; null where that cannot be told. As `_not_white` in Python. */
function notWhite(colours, width, height) {
  const darker = (level) => Mask.where(width, height, (at) => darkestOf(colours, at) < level);
  const beyond = (part, thing) => part.and(thing.grown(NEAR).not()).count > SPECK * thing.count;
  let thing = darker(RINGING);
  const pale = darker(WHITE_LEAST).opened(BROAD);
  if (beyond(pale, thing)) thing = thing.or(pale);
  const corners = Math.min(...[0, width - 1, (height - 1) * width, height * width - 1].map((at) => darkestOf(colours, at)));
  return beyond(darker(corners).opened(BROAD), thing) ? null : thing;
}

/** What is not joined to the border by one plain colour; null where the border is not plain, or nothing would be left. */
function onPlain(colours, width, height, border) {
  const middle = [0, 1, 2].map((lane) => border.map((at) => colours[4 * at + lane]).sort((a, b) => a - b)[border.length >> 1]);
  const off = (at, lane) => Math.abs(colours[4 * at + lane] - middle[lane]);
  const near = (at) => off(at, 0) <= PLAIN && off(at, 1) <= PLAIN && off(at, 2) <= PLAIN;
  if (border.filter(near).length < BORDER_SHARE * border.length) return null;
  const plain = Mask.where(width, height, near);
  const thing = plain.chosen((patch) => patch.some((at) => plain.atBorder(at)), false).not().opened(1).withoutSpecks(SPECK);
  const share = thing.count / (width * height);
  return share > 0.002 && share < 0.95 ? thing : null;
}

/**
 * A simple cut: which colours inside the box are likelier inside than outside, by two histograms, counted again a few
 * times; then the patches that are large, without holes. Where the box leaves nothing outside, its rim stands for that.
 */
function cut(colours, width, height, [left, top, right, bottom]) {
  const bins = new Uint16Array(width * height), level = (byte) => (byte * LEVELS) >> 8;
  for (let at = 0; at < bins.length; at++)
    bins[at] = (level(colours[4 * at]) * LEVELS + level(colours[4 * at + 1])) * LEVELS + level(colours[4 * at + 2]);
  const within = (at, rim) => {
    const x = at % width, y = Math.floor(at / width);
    return x >= left + rim && x < right - rim && y >= top + rim && y < bottom - rim;
  };
  const rim = left <= 1 && top <= 1 && right >= width - 1 && bottom >= height - 1 ? 0.05 * Math.min(width, height) : 0;
  const box = Mask.where(width, height, (at) => within(at, rim));
  let thing = box;
  for (let round = 0; round < ROUNDS_OF_CUT; round++) {
    const [inside, outside] = [1, 0].map((value) => histogram(bins, thing.cells, value));
    thing = Mask.where(width, height, (at) => box.cells[at] && inside[bins[at]] >= outside[bins[at]]);
    if (round === 0) thing = thing.opened(1);
  }
  thing = thing.opened(1).filled().withoutSpecks(0.1);
  return thing.count ? thing : box;
}

/** Share of each bin among the cells that have a value, spread over neighbouring bins, so that near colours count as one. */
function histogram(bins, cells, value) {
  let counts = new Float64Array(LEVELS ** 3), total = 0;
  bins.forEach((bin, at) => {
    if (cells[at] === value) counts[bin]++, total++;
  });
  for (const step of [1, LEVELS, LEVELS ** 2]) {
    const level = (at) => Math.floor(at / step) % LEVELS;
    counts = counts.map((count, at) =>
      2 * count + (level(at) > 0 ? counts[at - step] : count) + (level(at) < LEVELS - 1 ? counts[at + step] : count));
  }
  return counts.map((count) => (count + 1e-3) / Math.max(total, 1));
}
