// Masks: a byte for each pixel, 1 or 0, with the operations that `pictures.py` takes from scipy.

class Mask {
  constructor(width, height, cells = new Uint8Array(width * height)) {
    Object.assign(this, { width, height, cells });
  }

  static where(width, height, test) {
    const mask = new Mask(width, height);
    for (let at = 0; at < width * height; at++) if (test(at)) mask.cells[at] = 1;
    return mask;
  }

  get count() {
    return this.cells.reduce((sum, cell) => sum + cell, 0);
  }

  not() {
    return new Mask(this.width, this.height, this.cells.map((cell) => 1 - cell));
  }

  with(other, combine) {
    return new Mask(this.width, this.height, this.cells.map((cell, at) => combine(cell, other.cells[at])));
  }

  and(other) {
    return this.with(other, (a, b) => a & b);
  }

  or(other) {
    return this.with(other, (a, b) => a | b);
  }

  /** 1 within `radius` rows and columns of a 1; what is beyond the picture counts as `outside`. */
  grown(radius, outside = 0) {
    const { width, height } = this;
    return this.swept(width, height, 1, width, radius, outside).swept(height, width, width, 1, radius, outside);
  }

  /** `grown` along lines of `length` cells `step` apart, of which there are `lines`, `next` apart. */
  swept(length, lines, step, next, radius, outside) {
    const cells = new Uint8Array(this.cells.length);
    for (let line = 0; line < lines; line++)
      for (const [start, by] of [[line * next, step], [line * next + (length - 1) * step, -step]]) {
        let reach = outside ? radius : 0;
        for (let at = start, place = 0; place < length; place++, at += by, reach--) {
          if (this.cells[at]) reach = radius + 1;
          if (reach > 0) cells[at] = 1;
        }
      }
    return new Mask(this.width, this.height, cells);
  }

  /** Without lines and dots: shrunk by `radius`, then grown again. */
  opened(radius) {
    return this.not().grown(radius, 1).not().grown(radius);
  }

  /** Each patch of 1s that touch, also at corners where `corners`: a list of lists of places. */
  patches(corners = true) {
    const { width, height, cells } = this, left = cells.slice(), found = [];
    for (let start = 0; start < cells.length; start++) {
      if (!left[start]) continue;
      const patch = [start];
      left[start] = 0;
      for (let at = 0; at < patch.length; at++) {
        const x = patch[at] % width, y = (patch[at] - x) / width;
        for (let row = Math.max(y - 1, 0); row <= Math.min(y + 1, height - 1); row++)
          for (let column = Math.max(x - 1, 0); column <= Math.min(x + 1, width - 1); column++) {
            const to = row * width + column;
            if (!left[to] || (!corners && row !== y && column !== x)) continue;
            left[to] = 0;
            patch.push(to);
          }
      }
      found.push(patch);
    }
    return found;
  }

  /** Only the patches that `keep(patch, largest)` says. */
  chosen(keep, corners = true) {
    const patches = this.patches(corners), largest = patches.reduce((most, { length }) => Math.max(most, length), 0);
    const result = new Mask(this.width, this.height);
    for (const patch of patches) if (keep(patch, largest)) for (const at of patch) result.cells[at] = 1;
    return result;
  }

  withoutSpecks(share) {
    return this.chosen(({ length }, largest) => length >= share * largest);
  }

  /** Holes that do not reach the border of the picture filled. */
  filled() {
    return this.not().chosen((patch) => patch.some((at) => this.atBorder(at)), false).not();
  }

  atBorder(at) {
    const x = at % this.width, y = Math.floor(at / this.width);
    return x === 0 || y === 0 || x === this.width - 1 || y === this.height - 1;
  }

  /** Left, top, right and bottom of the 1s, in pixels; null for none. */
  extent() {
    const { width, cells } = this, box = [Infinity, Infinity, -1, -1];
    cells.forEach((cell, at) => {
      if (!cell) return;
      const x = at % width, y = Math.floor(at / width);
      if (x < box[0]) box[0] = x;
      if (y < box[1]) box[1] = y;
      if (x >= box[2]) box[2] = x + 1;
      if (y >= box[3]) box[3] = y + 1;
    });
    return box[2] < 0 ? null : box;
  }

  /** Shares in [0, 1] for alpha: soft over a pixel on the inner side of each edge, so that no rim of the background stays. */
  softened() {
    const { width, height, cells } = this, shares = new Float32Array(cells.length);
    for (let y = 0, at = 0; y < height; y++)
      for (let x = 0; x < width; x++, at++) {
        if (!cells[at]) continue;
        let sum = 0;
        for (let dy = -1; dy <= 1; dy++)
          for (let dx = -1; dx <= 1; dx++)
            sum += cells[Math.max(0, Math.min(height - 1, y + dy)) * width + Math.max(0, Math.min(width - 1, x + dx))];
        shares[at] = Math.max(0, (2 * sum) / 9 - 1);
      }
    return shares;
  }
}
