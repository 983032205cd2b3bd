// The model from its scripts, as `own_picture.py` wrote them: text in base 85, within it gzip, within that the bytes of `pack`.

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~"; // as Python's b85encode

/** Bytes of a text in base 85: five letters are four bytes, the highest first. */
function fromBase85(text) {
  const values = new Uint8Array(128), bytes = new Uint8Array((text.length / 5) * 4), view = new DataView(bytes.buffer);
  for (let at = 0; at < DIGITS.length; at++) values[DIGITS.charCodeAt(at)] = at;
  for (let at = 0, to = 0; at < text.length; to += 4) {
    let word = 0;
    for (const end = at + 5; at < end; at++) word = word * 85 + values[text.charCodeAt(at)];
    view.setUint32(to, word);
  }
  return bytes;
}

/** The bytes of all parts, unpacked; throws an Error where they are not those that the page was built with. */
async function gathered(parts, { compressed, sha256 }) {
  const packed = new Blob(parts.map(fromBase85)).slice(0, compressed);
  const bytes = await new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  if (globalThis.crypto?.subtle) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (found !== sha256) throw new Error("The files of the model are not those of this page; build the site again.");
  }
  return new DataView(bytes);
}
