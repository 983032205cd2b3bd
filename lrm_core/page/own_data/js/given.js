// From a file to pixels, and a box that is drawn on them.

const LONGEST = 1024; // pixels of the longer side that are kept; a phone's picture has more than the model can use

/** {pixels, width, height} of a file, upright and in sRGB as the browser decodes it; throws an Error of one sentence. */
async function pixelsOf(file) {
  const { fault } = readHeader(new DataView(await file.arrayBuffer()));
  if (fault) throw new Error(fault);
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error("The browser cannot read this picture: it is damaged, or too large for its memory.");
  }
  const scale = Math.min(1, LONGEST / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(scale * side)));
  const context = make("canvas", { width, height }).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return { pixels: context.getImageData(0, 0, width, height).data, width, height };
}

/** Paint RGBA pixels into a canvas, at their own size. */
function paintPixels(canvas, { pixels, width, height }) {
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(new ImageData(pixels, width, height), 0, 0);
}

/** Colours (3, size, size) in [0, 1] as RGBA pixels. */
function asPixels(image, size) {
  const pixels = new Uint8ClampedArray(4 * size * size).fill(255);
  for (let at = 0; at < size * size; at++)
    for (let lane = 0; lane < 3; lane++) pixels[4 * at + lane] = 255 * image[lane * size * size + at];
  return { pixels, width: size, height: size };
}

/** Drag over `canvas` to draw a box; `mark` shows it, `drawn([left, top, right, bottom])` hears it in pixels of the canvas. */
function drawBox(canvas, mark, drawn, signal) {
  const on = (name, handler) => canvas.addEventListener(name, handler, { signal });
  const place = ({ clientX, clientY }) => {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return [clamp((clientX - left) / width, [0, 1]), clamp((clientY - top) / height, [0, 1])];
  };
  let first = null, box;
  const show = (event) => {
    const [a, b] = [first, place(event)];
    box = [0, 1].map((axis) => [Math.min(a[axis], b[axis]), Math.max(a[axis], b[axis])]);
    const [[left, right], [top, bottom]] = box.map((ends) => ends.map((end) => `${100 * end}%`));
    Object.assign(mark.style, { left, top, width: `calc(${right} - ${left})`, height: `calc(${bottom} - ${top})` });
    mark.hidden = false;
  };
  on("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    first = place(event);
  });
  on("pointermove", (event) => first && show(event));
  on("pointerup", (event) => {
    if (!first) return;
    show(event);
    first = null;
    const sides = [canvas.width, canvas.height];
    const [[left, right], [top, bottom]] = box.map((ends, axis) => ends.map((end) => Math.round(end * sides[axis])));
    if (right - left < MIN_SIDE || bottom - top < MIN_SIDE) mark.hidden = true;
    else drawn([left, top, right, bottom]);
  });
  on("pointercancel", () => ((first = null), (mark.hidden = true)));
}
