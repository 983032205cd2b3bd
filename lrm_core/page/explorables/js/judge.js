// How close the pictures of a triplane come to others: L1 and PSNR in fixed held-out views.

const BEST_PSNR = 100; // dB, as in Python
const breath = () => new Promise((resolve) => setTimeout(resolve));

/** Means over the views of L1 and of PSNR in dB; `a`, `b`: lists of pictures. */
function distances(a, b) {
  let l1 = 0, psnr = 0;
  a.forEach((picture, view) => {
    let absolute = 0, square = 0;
    picture.forEach((value, at) => {
      const difference = value - b[view][at];
      absolute += Math.abs(difference);
      square += difference * difference;
    });
    l1 += absolute / picture.length / a.length;
    psnr += Math.min(BEST_PSNR, -10 * Math.log10(square / picture.length)) / a.length;
  });
  return { l1, psnr };
}

class Judge {
  /** `views`: {cameras, size, stride, samples}, as `judged.py` writes them; `tensors` hold the decoder, and `truth` if any. */
  constructor(tensors, views) {
    Object.assign(this, { tensors, views });
    this.side = Math.ceil(views.size / views.stride);
    const count = 3 * this.side ** 2, { truth } = tensors;
    this.truth = views.cameras.map((_, view) => truth?.values.subarray(view * count, (view + 1) * count));
  }

  /**
   * Pictures (rows of three colours) of a triplane in every view, with `covered`, the mean over all pixels of the light
   * that the object stops; null as soon as they are no longer `wanted`.
   */
  async pictures(planes, wanted) {
    const caster = new Caster(this.tensors, planes), { cameras, size, stride, samples } = this.views, drawn = [];
    if (!(await inSlices(caster.prepare(), breath, wanted))) return null;
    for (const camera of cameras) {
      const out = new Float32Array(3 * this.side ** 2);
      if (!(await inSlices(caster.picture(camera, size, stride, samples, out), breath, wanted))) return null;
      drawn.push(out);
    }
    return Object.assign(drawn, { covered: caster.covered / (drawn.length * this.side ** 2) });
  }
}

/** Show a picture on a canvas of its own size. */
function paint(canvas, picture) {
  const side = Math.sqrt(picture.length / 3), image = new ImageData(side, side);
  for (let pixel = 0; pixel < side * side; pixel++) {
    for (let lane = 0; lane < 3; lane++) image.data[4 * pixel + lane] = Math.round(255 * picture[3 * pixel + lane]);
    image.data[4 * pixel + 3] = 255;
  }
  Object.assign(canvas, { width: side, height: side });
  canvas.getContext("2d").putImageData(image, 0, 0);
}
