// Draws a triplane with WebGL2: from a baked grid while the view moves, with the decoder when it rests.

const COARSE = 32, FINE = 64; // texels a side of the two grids

class MissingWebGL2 extends Error {}

class Renderer {
  /** Throws `MissingWebGL2` where the canvas has no WebGL2. `half` stores the planes as half floats, as phones need. */
  constructor(canvas, { half = false } = {}) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, preserveDrawingBuffer: true });
    if (!gl) throw new MissingWebGL2();
    this.gl = gl;
    this.canvas = canvas;
    this.half = half || !gl.getExtension("OES_texture_float_linear");
    this.frame = gl.createFramebuffer();
    gl.bindVertexArray(gl.createVertexArray());
    this.programs = {};
    this.buffers = [];
    this.small = gl.createTexture();
  }

  /** The field to draw: tensors "planes" (or any folded with the same decoder) and "net.0.weight" to "net.6.bias". */
  load(tensors, planes = tensors.planes) {
    const gl = this.gl, wide = planes.shape[2] + 2, format = this.half ? gl.RGBA16F : gl.RGBA32F;
    this.wide = wide;
    this.folded = fold(planes, tensors["net.0.weight"]);
    this.mlp = new Mlp(tensors);
    this.planes ??= gl.createTexture();
    this.bind(gl.TEXTURE_2D_ARRAY, this.planes, 0);
    gl.texImage3D(gl.TEXTURE_2D_ARRAY, 0, format, wide, wide, 48, 0, gl.RGBA, gl.FLOAT, this.folded);
    this.sampling(gl.TEXTURE_2D_ARRAY, gl.LINEAR);
    const bias = ["net.0.bias", "net.2.bias", "net.4.bias"].flatMap((name) => [...tensors[name].values]);
    const rest = [...bias, ...blocks(tensors["net.6.weight"]), ...tensors["net.6.bias"].values];
    this.uniforms(0, blocks(tensors["net.2.weight"]));
    this.uniforms(1, blocks(tensors["net.4.weight"]));
    this.uniforms(2, new Float32Array(rest));
  }

  /** The coarse grid, enough for a first picture, yielding after each layer. */
  *bakeCoarse() {
    const coarse = new Grid(COARSE);
    yield* coarse.bake(this.folded, this.wide, this.mlp);
    this.coarse = coarse;
    this.show(coarse);
  }

  /** The fine grid, yielding after each layer; with the last one it takes the place of the coarse one. */
  *bakeFine() {
    const fine = new Grid(FINE);
    yield* fine.bake(this.folded, this.wide, this.mlp, this.coarse);
    this.show(fine);
  }

  /** Draw from this grid, and with the decoder only where it has something. */
  show(grid) {
    const gl = this.gl, occupied = grid.occupied();
    this.grid = this.volume(this.grid, gl.RGBA8, gl.RGBA, grid.size, grid.texels, gl.LINEAR);
    this.occupancy = this.volume(this.occupancy, gl.R8, gl.RED, grid.size, occupied, gl.NEAREST);
    [this.lowest, this.highest] = grid.bounds(occupied);
  }

  /** The whole picture from the grid, at `scale` of the canvas's size. */
  draft(camera, samples, scale = 1) {
    const gl = this.gl, side = this.canvas.width, size = Math.round(side * scale);
    if (size === side) return this.march("draft", BAKED_FIELD, camera, samples, 0, side);
    this.bind(gl.TEXTURE_2D, this.small, 3);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, size, size, 0, gl.RGBA, gl.UNSIGNED_BYTE, null);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.small, 0);
    this.march("draft", BAKED_FIELD, camera, samples, 0, size, size);
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.frame);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, null);
    gl.disable(gl.SCISSOR_TEST);
    gl.blitFramebuffer(0, 0, size, size, 0, 0, side, side, gl.COLOR_BUFFER_BIT, gl.LINEAR);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /** Compile the decoder's program beside everything else, where the browser can: it may take seconds. */
  async prepare() {
    const gl = this.gl, parallel = gl.getExtension("KHR_parallel_shader_compile");
    if (this.programs.exact) return;
    const program = this.compile(DECODED_FIELD + MARCH);
    const busy = () => !gl.isContextLost() && !gl.getProgramParameter(program, parallel.COMPLETION_STATUS_KHR);
    while (parallel && busy()) await nextFrame();
    this.programs.exact = { program: this.link(program), places: {} };
  }

  /** Rows of the picture with the decoder, counted from the bottom. */
  exact(camera, samples, from, rows) {
    this.march("exact", DECODED_FIELD, camera, samples, from, rows);
  }

  /** Resolves once everything asked for so far has been drawn. */
  async finished() {
    const gl = this.gl, sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    while (!gl.isContextLost() && gl.clientWaitSync(sync, 0, 0) === gl.TIMEOUT_EXPIRED) await nextFrame();
    gl.deleteSync(sync);
  }

  close() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  march(name, field, camera, samples, from, rows, size = this.canvas.width) {
    const gl = this.gl, at = this.use(name, field + MARCH);
    this.bind(gl.TEXTURE_3D, this.grid, 1);
    this.bind(gl.TEXTURE_3D, this.occupancy, 2);
    gl.uniformMatrix3fv(at("axes"), false, camera.axes.flat());
    gl.uniform3fv(at("eye"), camera.eye);
    gl.uniform3fv(at("lowest"), this.lowest);
    gl.uniform3fv(at("highest"), this.highest);
    gl.uniform1f(at("focal"), camera.focal);
    gl.uniform1f(at("background"), camera.background);
    gl.uniform1f(at("size"), size);
    gl.uniform1f(at("least"), Math.max(camera.least ?? -Infinity, -1e9));
    gl.uniform1i(at("samples"), samples);
    this.fill(size, from, rows);
  }

  fill(size, from, rows) {
    const gl = this.gl;
    gl.viewport(0, 0, size, size);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(0, from, size, rows);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** Make a program current, compiled on first use; returns where its uniforms are. */
  use(name, source) {
    const gl = this.gl, known = this.programs[name];
    const { program, places } = known || (this.programs[name] = { program: this.link(this.compile(source)), places: {} });
    gl.useProgram(program);
    return (uniform) => (places[uniform] ??= gl.getUniformLocation(program, uniform));
  }

  compile(source) {
    const gl = this.gl, program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, CORNERS], [gl.FRAGMENT_SHADER, HEAD + source]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    return program;
  }

  /** A compiled program with its textures and blocks in their places; throws an Error with the compiler's report. */
  link(program) {
    const gl = this.gl;
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      const reports = gl.getAttachedShaders(program).map((shader) => gl.getShaderInfoLog(shader));
      throw new Error([...reports, gl.getProgramInfoLog(program)].join("\n"));
    }
    gl.useProgram(program);
    ["planes", "grid", "occupancy"].forEach((name, unit) => gl.uniform1i(gl.getUniformLocation(program, name), unit));
    ["Second", "Third", "Rest"].forEach((name, place) => {
      const index = gl.getUniformBlockIndex(program, name);
      if (index !== gl.INVALID_INDEX) gl.uniformBlockBinding(program, index, place);
    });
    return program;
  }

  volume(known, format, channels, size, texels, filter) {
    const gl = this.gl, texture = known || gl.createTexture();
    this.bind(gl.TEXTURE_3D, texture, 1);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage3D(gl.TEXTURE_3D, 0, format, size, size, size, 0, channels, gl.UNSIGNED_BYTE, texels);
    this.sampling(gl.TEXTURE_3D, filter);
    return texture;
  }

  sampling(target, filter) {
    const gl = this.gl;
    for (const name of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(target, name, filter);
    for (const name of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R])
      gl.texParameteri(target, name, gl.CLAMP_TO_EDGE);
  }

  bind(target, texture, unit) {
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(target, texture);
  }

  uniforms(place, values) {
    const gl = this.gl;
    const buffer = (this.buffers[place] ??= gl.createBuffer());
    gl.bindBufferBase(gl.UNIFORM_BUFFER, place, buffer);
    gl.bufferData(gl.UNIFORM_BUFFER, values, gl.STATIC_DRAW);
  }
}

const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));
