// What a worker does, one message after the other: {id, kind, ...} is answered by {id, result, took} or {id, error}.

const FOCAL = 0.75; // of the camera that the model is told, in widths of the picture
const REFUSED = "This browser gives the page too little memory.";
let network, parts = [];

const WORK = {
  part: ({ number, text }) => void (parts[number] = text),
  async start({ about, head }) {
    const tensors = unpack(head.tensors, await gathered(parts, about)), prefix = "synthesizer.decoder.";
    parts = [];
    network = new Network(tensors, head.config);
    const own = Object.keys(tensors).filter((name) => name.startsWith(prefix));
    return { simd: network.simd, decoder: Object.fromEntries(own.map((name) => [name.slice(prefix.length), tensors[name]])) };
  },
  frame: ({ picture, size }) => seenByModel(picture, size),
  encode: ({ image }) => network.encode(image),
  planes: ({ distance }) => network.planes(distance, FOCAL),
  mesh({ planes, decoder, density }) {
    const surface = surfaceOf(bakedGrid(planes, decoder), density);
    if (!surface.triangles.length) throw new Error("Nothing is so dense; choose a lower density.");
    return { glb: glbOf(surface), triangles: surface.triangles.length / 3 };
  },
};

let last = Promise.resolve();
onmessage = ({ data }) => {
  last = last.then(async () => {
    const began = performance.now();
    try {
      postMessage({ id: data.id, result: await WORK[data.kind](data), took: performance.now() - began });
    } catch (error) {
      postMessage({ id: data.id, error: error instanceof RangeError ? REFUSED : error.message });
    }
  });
};
