// A mesh as a file: GLB, glTF 2.0 in one piece.

/** Bytes of a GLB: y up and the front at +z, linear colours at the vertices, unlit; as `write_mesh` in Python. */
function glbOf({ positions, colours, triangles }) {
  const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const count = positions.length / 3;
  const points = new Float32Array(positions.length), shades = new Uint8Array(4 * count).fill(255);
  for (let at = 0; at < count; at++) {
    const [x, y, z] = positions.slice(3 * at, 3 * at + 3);
    points.set([x, z, -y], 3 * at);
    shades.set(colours.slice(3 * at, 3 * at + 3).map((value) => Math.round(255 * linear(value))), 4 * at);
  }
  const most = (pick, axis) => points.reduce((best, value, at) => (at % 3 === axis ? pick(best, value) : best), points[axis]);
  const bounds = (pick) => [0, 1, 2].map((axis) => most(pick, axis));
  const parts = [points, shades, Uint32Array.from(triangles)], views = [];
  let offset = 0;
  for (const part of parts) {
    views.push({ buffer: 0, byteOffset: offset, byteLength: part.byteLength });
    offset += part.byteLength;
  }
  const scene = {
    asset: { version: "2.0" }, scene: 0, scenes: [{ nodes: [0] }], nodes: [{ mesh: 0 }],
    meshes: [{ primitives: [{ attributes: { POSITION: 0, COLOR_0: 1 }, indices: 2, material: 0 }] }],
    materials: [{ pbrMetallicRoughness: { metallicFactor: 0 }, extensions: { KHR_materials_unlit: {} } }],
    extensionsUsed: ["KHR_materials_unlit"], buffers: [{ byteLength: offset }], bufferViews: views,
    accessors: [
      { bufferView: 0, componentType: 5126, count, type: "VEC3", min: bounds(Math.min), max: bounds(Math.max) },
      { bufferView: 1, componentType: 5121, count, type: "VEC4", normalized: true },
      { bufferView: 2, componentType: 5125, count: triangles.length, type: "SCALAR" },
    ],
  };
  const text = new TextEncoder().encode(JSON.stringify(scene)), wide = Math.ceil(text.length / 4) * 4;
  const bytes = new Uint8Array(28 + wide + offset), view = new DataView(bytes.buffer);
  [0x46546c67, 2, bytes.length, wide, 0x4e4f534a].forEach((number, at) => view.setUint32(4 * at, number, true));
  bytes.fill(32, 20, 20 + wide).set(text, 20);
  [offset, 0x004e4942].forEach((number, at) => view.setUint32(20 + wide + 4 * at, number, true));
  parts.forEach((part, at) => bytes.set(new Uint8Array(part.buffer), 28 + wide + views[at].byteOffset));
  return bytes;
}
