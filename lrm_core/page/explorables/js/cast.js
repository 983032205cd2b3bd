// Pictures without a graphics card, for numbers that must not depend on one: the decoder along rays, four at a time.

const WHITE = 1, OPAQUE = 1e-3; // background; share of the light below which the rest of a ray is not seen
const ROUNDS = 32; // calls of the decoder between two looks at the clock

/** Folded planes as [plane][row][column][unit], so that what a point reads lies together. */
function byTexel(folded, wide) {
  const result = new Float32Array(folded.length), texels = wide * wide;
  for (let image = 0; image < 3 * (HIDDEN / 4); image++) {
    const plane = Math.floor(image / (HIDDEN / 4)), unit = 4 * (image % (HIDDEN / 4));
    for (let texel = 0; texel < texels; texel++)
      for (let lane = 0; lane < 4; lane++)
        result[(plane * texels + texel) * HIDDEN + unit + lane] = folded[4 * (image * texels + texel) + lane];
  }
  return result;
}

/** Eye and direction of the ray through a point (u, v) of a picture; `camera`: 25 numbers as `standard_camera`. */
function rayThrough(camera, u, v) {
  const local = [(u - camera[18]) / camera[16], (camera[21] - v) / camera[20], -1];
  const towards = [0, 1, 2].map((row) => local.reduce((sum, part, column) => sum + part * camera[4 * row + column], 0));
  const length = Math.hypot(...towards);
  return { eye: [camera[3], camera[7], camera[11]], direction: towards.map((part) => part / length) };
}

/** Where a ray is inside a box: [near, far], far < near where it misses. */
function spanOf({ eye, direction }, low, high) {
  let near = 0, far = Infinity;
  for (let axis = 0; axis < 3; axis++) {
    const [a, b] = [low, high].map((corner) => (corner[axis] - eye[axis]) / direction[axis]);
    near = Math.max(near, Math.min(a, b));
    far = Math.min(far, Math.max(a, b));
  }
  return [near, far];
}

/** One ray on its way: the quadrature of `MARCH` in shaders.js, sample by sample. */
class Ray {
  constructor({ eye, direction }, samples, [low, high]) {
    const [near, far] = spanOf({ eye, direction }, [-1, -1, -1], [1, 1, 1]);
    const [from, to] = spanOf({ eye, direction }, low, high);
    Object.assign(this, { eye, direction, near, spacing: (far - near) / (samples - 1), light: [0, 0, 0], reach: 1 });
    this.next = to > from ? Math.floor((from - near) / this.spacing) : 0;
    this.end = to > from ? Math.min(Math.floor((to - near) / this.spacing) + 2, samples) : 0;
    this.first = this.next;
    this.before = [0, 0, 0, 0];
  }

  get done() {
    return this.next >= this.end || this.reach < OPAQUE;
  }

  coordinate(axis) {
    return this.eye[axis] + this.direction[axis] * (this.near + this.next * this.spacing);
  }

  /** Raw density and colour at the next sample. */
  take(raw, red, green, blue) {
    const { before, light } = this;
    if (this.next > this.first) {
      const x = 0.5 * (before[0] + raw) - 1, density = Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
      const passes = Math.exp(-density * this.spacing), share = 0.5 * this.reach * (1 - passes);
      light[0] += share * (before[1] + red);
      light[1] += share * (before[2] + green);
      light[2] += share * (before[3] + blue);
      this.reach *= passes;
    }
    before[0] = raw;
    before[1] = red;
    before[2] = green;
    before[3] = blue;
    this.next++;
  }
}

/**
 * One field, to be seen by any camera. A picture of 64 x 64 pixels takes about 25 decoded samples for each pixel on
 * the object, 9 thousand multiplications each: 0.3 thousand million where the object fills a third of it.
 */
class Caster {
  constructor(tensors, planes) {
    const folded = fold(planes, tensors["net.0.weight"]);
    this.wide = planes.shape[2] + 2;
    this.mlp = new Mlp(tensors);
    this.folded = folded;
    this.table = byTexel(folded, this.wide);
    this.covered = 0; // light that the object stops, summed over all pixels drawn
  }

  /** To be run once, before `picture`: finds out what is empty. */
  *prepare() {
    this.grid = new Grid(COARSE);
    yield* this.grid.bake(this.folded, this.wide, this.mlp);
    this.occupied = this.grid.occupied();
    this.bounds = this.grid.bounds(this.occupied);
  }

  /**
   * Every `stride`-th pixel of every `stride`-th row of a picture of `size`^2 pixels, three colours each, written to
   * `out`.
   */
  *picture(camera, size, stride, samples, out) {
    const side = Math.ceil(size / stride);
    let lanes = [], pixel = 0;
    for (let round = 1; lanes.length || pixel < side * side; round++) {
      while (lanes.length < BATCH && pixel < side * side) {
        const [u, v] = [pixel % side, Math.floor(pixel / side)].map((index) => (index * stride + 0.5) / size);
        const ray = new Ray(rayThrough(camera, u, v), samples, this.bounds);
        ray.at = 3 * pixel++;
        if (this.waits(ray, out)) lanes.push(ray);
      }
      this.decode(lanes);
      lanes = lanes.filter((ray) => this.waits(ray, out));
      if (round % ROUNDS === 0) yield;
    }
  }

  /** Go on to the next sample that needs the decoder; false where there is none, with the pixel written. */
  waits(ray, out) {
    const { size, raw, texels } = this.grid;
    for (; !ray.done; ) {
      const [x, y, z] = [0, 1, 2].map((axis) =>
        Math.max(0, Math.min(size - 1, Math.floor(0.5 * (ray.coordinate(axis) + 1) * size))));
      const cell = (z * size + y) * size + x;
      if (this.occupied[cell]) return true;
      ray.take(raw[cell], texels[4 * cell] / 255, texels[4 * cell + 1] / 255, texels[4 * cell + 2] / 255);
    }
    this.covered += 1 - ray.reach;
    ray.light.forEach((part, lane) => (out[ray.at + lane] = part + ray.reach * WHITE));
    return false;
  }

  decode(rays) {
    const { mlp } = this, { raw } = mlp;
    if (!rays.length) return;
    rays.forEach((ray, lane) => this.gather(ray, lane));
    mlp.run();
    const colour = (row, lane) => 1.002 / (1 + Math.exp(-raw[BATCH * row + lane])) - 0.001;
    rays.forEach((ray, lane) => ray.take(raw[lane], colour(1, lane), colour(2, lane), colour(3, lane)));
  }

  /** The first layer at a ray's next sample, into one lane of the decoder. */
  gather(ray, lane) {
    const { wide, table, mlp } = this, { hidden, first } = mlp, [x, y, z] = [0, 1, 2].map((axis) => ray.coordinate(axis));
    for (let unit = 0; unit < HIDDEN; unit++) hidden[BATCH * unit + lane] = first[unit];
    [[x, y], [x, z], [z, y]].forEach(([column, row], plane) => {
      const [c, r] = [column, row].map((p) => Math.max(0, Math.min(wide - 1, 0.5 * (p + 1) * (wide - 2) + 0.5)));
      const c0 = Math.min(Math.floor(c), wide - 2), r0 = Math.min(Math.floor(r), wide - 2), dc = c - c0, dr = r - r0;
      const a = ((plane * wide + r0) * wide + c0) * HIDDEN, b = a + HIDDEN, d = a + wide * HIDDEN, e = d + HIDDEN;
      const [wa, wb, wd, we] = [(1 - dr) * (1 - dc), (1 - dr) * dc, dr * (1 - dc), dr * dc];
      for (let unit = 0; unit < HIDDEN; unit++)
        hidden[BATCH * unit + lane] +=
          wa * table[a + unit] + wb * table[b + unit] + wd * table[d + unit] + we * table[e + unit];
    });
  }
}
