// What a file says of itself before any pixel is decoded: PNG, JPEG and WebP, as `pictures.py` reads them.

const MIN_SIDE = 16, MAX_PIXELS = 40_000_000;
const CMYK = "Its colours are those of print (CMYK); save it as RGB.";

function spells(view, at, letters) {
  const same = (letter, index) => view.getUint8(at + index) === letter.charCodeAt(0);
  return at + letters.length <= view.byteLength && [...letters].every(same);
}

/** {width, height, fault} of the bytes of a file; `fault` is a sentence, or null. */
function readHeader(view) {
  const read = spells(view, 1, "PNG") ? png : spells(view, 0, "\xff\xd8\xff") ? jpeg : spells(view, 8, "WEBP") ? webp : null;
  if (!read) return { fault: "This is not a PNG, JPEG or WebP picture." };
  try {
    const found = read(view), { width, height } = found, size = `${width} × ${height} pixels`;
    if (found.fault) return found;
    if (width * height > MAX_PIXELS) return { fault: `It has ${size}; make it smaller, at most 40 million are read.` };
    if (Math.min(width, height) < MIN_SIDE) return { fault: `It has ${size}; at least ${MIN_SIDE} on each side are needed.` };
    return { ...found, fault: null };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { fault: "The file is cut off." };
  }
}

function png(view) {
  const size = { width: view.getUint32(16), height: view.getUint32(20) };
  for (let at = 8; at + 8 < view.byteLength && !spells(view, at + 4, "IDAT"); at += 12 + view.getUint32(at))
    if (spells(view, at + 4, "acTL")) return { ...size, fault: "It is animated; save one of its frames." };
  return size;
}

function jpeg(view) {
  for (let at = 2; ; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1);
    if (marker < 0xc0 || marker > 0xcf || [0xc4, 0xc8, 0xcc].includes(marker)) continue;
    return { height: view.getUint16(at + 5), width: view.getUint16(at + 7), fault: view.getUint8(at + 9) === 4 ? CMYK : null };
  }
}

function webp(view) {
  if (spells(view, 12, "VP8X")) {
    const side = (at) => 1 + (view.getUint16(at, true) | (view.getUint8(at + 2) << 16));
    return { width: side(24), height: side(27), fault: view.getUint8(20) & 2 ? "It is animated; save one of its frames." : null };
  }
  if (spells(view, 12, "VP8L")) {
    const bits = view.getUint32(21, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff) };
  }
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}
