// What a worker does, one message after the other: {id, kind, ...} is answered by {id, result} or {id, error}.

const FOCAL = 0.75; // of the camera that the model is told, in widths of the picture
let network, parts = [];

const WORK = {
  part: ({ number, text }) => void (parts[number] = text),
  async start({ about, head }) {
    const tensors = unpack(head.tensors, await gathered(parts, about));
    parts = [];
    network = new Network(tensors, head.config);
    return { simd: network.simd };
  },
  encode: ({ image }) => network.encode(image),
  planes: ({ distance }) => network.planes(distance, FOCAL),
};

let last = Promise.resolve();
onmessage = ({ data }) => {
  last = last.then(async () => {
    const began = performance.now();
    try {
      const result = await WORK[data.kind](data);
      postMessage({ id: data.id, result, took: performance.now() - began });
    } catch (error) {
      postMessage({ id: data.id, error: error instanceof RangeError ? "this browser gives the page too little memory for the model" : error.message });
    }
  });
};
