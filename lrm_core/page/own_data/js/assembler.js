// WebAssembly by hand: just enough to write one function over one imported memory as a list of instructions.

const I32 = 0x7f, V128 = 0x7b, VOID = 0x40;

/** A number from 0 in groups of seven bits, as WebAssembly writes sizes and indices. */
function leb(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...leb(value >>> 7)];
}

const listed = (items) => [...leb(items.length), ...items.flat()];
const section = (id, bytes) => [id, ...leb(bytes.length), ...bytes];
const letters = (name) => listed([...name].map((letter) => letter.charCodeAt(0)));
const simd = (code, ...rest) => [0xfd, ...leb(code), ...rest];

/** Instructions as lists of bytes; locals are named by number, offsets are in bytes. */
const op = {
  get: (local) => [0x20, ...leb(local)],
  set: (local) => [0x21, ...leb(local)],
  keep: (local) => [0x22, ...leb(local)], // set, and leave the value on the stack
  number: (value) => [0x41, value], // from 0 to 63
  add: [0x6a],
  subtract: [0x6b],
  multiply: [0x6c],
  repeatIf: (body) => [0x03, VOID, ...body, 0x0d, 0, 0x0b], // again while what the body leaves is not 0
  load: (offset) => simd(0, 2, offset), // four floats
  splat: (offset) => simd(9, 2, offset), // one float, four times
  store: (offset) => simd(11, 2, offset),
  zeros: simd(12, ...new Array(16).fill(0)),
  plus: simd(0xe4),
  times: simd(0xe6),
};

/** The bytes of a module that exports the function "run" of some 32-bit integers, with more of them and vectors as locals. */
function assembled(parameters, integers, vectors, body) {
  const locals = listed([[...leb(integers), I32], [...leb(vectors), V128]]), code = [...locals, ...body, 0x0b];
  return Uint8Array.from([
    ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, listed([[0x60, ...listed(new Array(parameters).fill([I32])), 0]])),
    ...section(2, listed([[...letters("page"), ...letters("memory"), 2, 0, 1]])),
    ...section(3, listed([[0]])),
    ...section(7, listed([[...letters("run"), 0, 0]])),
    ...section(10, listed([[...leb(code.length), ...code]])),
  ]);
}
