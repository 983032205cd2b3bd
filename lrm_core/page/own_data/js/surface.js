// The surface where the density passes a threshold, from the viewer's grid: surface nets (Gibson 1998), which need no
// table of cases. A cell that the surface passes through gets one vertex, an edge of the lattice that it crosses one quad.

const SURFACE_CELLS = 64; // along each side of the box
const CORNERS_OF_CELL = Array.from({ length: 8 }, (_, at) => [at & 1, (at >> 1) & 1, at >> 2]);
const EDGES_OF_CELL = CORNERS_OF_CELL.flatMap((_, at) => [1, 2, 4].filter((bit) => !(at & bit)).map((bit) => [at, at | bit]));

/** The grid of planes, as the viewer bakes it. */
function bakedGrid(planes, decoder) {
  const folded = fold(planes, decoder["net.0.weight"]), wide = planes.shape[2] + 2, mlp = new Mlp(decoder);
  const [coarse, fine] = [new Grid(SURFACE_CELLS >> 1), new Grid(SURFACE_CELLS)];
  for (const _ of coarse.bake(folded, wide, mlp));
  for (const _ of fine.bake(folded, wide, mlp, coarse));
  return fine;
}

/** {positions (V, 3), colours (V, 3 in [0, 1]), triangles (F, 3)}; closed at the faces of the box, anticlockwise from outside. */
function surfaceOf(grid, density) {
  const { size, raw, texels } = grid, level = rawLevel(density), positions = [], colours = [], triangles = [];
  const index = ([x, y, z]) => (z * size + y) * size + x, inside = (place) => place.every((at) => at >= 0 && at < size);
  const value = (place) => (inside(place) ? raw[index(place)] : level - 1);
  const plus = (place, step, sign = 1) => place.map((at, axis) => at + sign * step[axis]);
  const known = new Map(), key = ([x, y, z]) => ((z + 1) * (size + 1) + y + 1) * (size + 1) + x + 1;

  const colourAt = (place) => {
    const start = 4 * index(place.map((at) => Math.max(0, Math.min(size - 1, at))));
    return [0, 1, 2].map((lane) => texels[start + lane] / 255);
  };
  const vertex = (cell) => {
    const name = key(cell);
    if (known.has(name)) return known.get(name);
    const values = CORNERS_OF_CELL.map((corner) => value(plus(cell, corner))), sum = [0, 0, 0], colour = [0, 0, 0];
    let crossings = 0;
    for (const [a, b] of EDGES_OF_CELL) {
      if (values[a] > level === values[b] > level) continue;
      const share = (level - values[a]) / (values[b] - values[a]);
      const [from, to] = [a, b].map((corner) => plus(cell, CORNERS_OF_CELL[corner])), [one, other] = [from, to].map(colourAt);
      for (let axis = 0; axis < 3; axis++) {
        sum[axis] += from[axis] + share * (to[axis] - from[axis]);
        colour[axis] += one[axis] + share * (other[axis] - one[axis]);
      }
      crossings++;
    }
    positions.push(...sum.map((part) => (2 * (part / crossings + 0.5)) / size - 1));
    colours.push(...colour.map((part) => part / crossings));
    known.set(name, positions.length / 3 - 1);
    return positions.length / 3 - 1;
  };

  for (let z = -1; z < size; z++)
    for (let y = -1; y < size; y++)
      for (let x = -1; x < size; x++) {
        const place = [x, y, z], dense = value(place) > level;
        for (let axis = 0; axis < 3; axis++) {
          const step = [0, 1, 2].map((at) => Number(at === axis));
          if (value(plus(place, step)) > level === dense) continue;
          const [u, v] = [1, 2].map((turn) => [0, 1, 2].map((at) => Number(at === (axis + turn) % 3)));
          const around = [place, plus(place, u, -1), plus(plus(place, u, -1), v, -1), plus(place, v, -1)].map(vertex);
          const [a, b, c, d] = dense ? around : around.reverse();
          triangles.push(a, b, c, a, c, d);
        }
      }
  return { positions, colours, triangles };
}
