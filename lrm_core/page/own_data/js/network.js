// The model: an image and the distance of its camera to planes, as `lrm.py`, `encoder.py` and `transformer.py` in Python.

const EPSILON = 1e-6;
const silu = (values) => values.map((value) => value / (1 + Math.exp(-value)));
const padded = (count) => Math.ceil(count / WIDE) * WIDE;

const POWERS = Float64Array.from({ length: 128 }, (_, at) => 2 ** -at);
const SERIES = [1, 2, 3, 4, 5, 6].map((order) => Array.from({ length: order }, (_, k) => Math.LN2 / (k + 1)));
const [S1, S2, S3, S4, S5, S6] = SERIES.map((factors) => factors.reduce((a, b) => a * b)); // of 2^x around 0

/** e^x for x <= 0, within 2e-7 of itself: a few times as fast as Math.exp, which softmax waits for. */
function decay(x) {
  const binary = x * Math.LOG2E;
  if (binary < -126) return 0;
  const whole = Math.floor(binary + 0.5), f = binary - whole; // -0.5 <= f < 0.5
  return POWERS[-whole] * (1 + f * (S1 + f * (S2 + f * (S3 + f * (S4 + f * (S5 + f * S6))))));
}

/** x times the normal distribution up to it, the error function by Abramowitz and Stegun 7.1.26 (within 1.5e-7). */
function gelu({ values, rows, columns }) {
  for (let at = 0; at < rows * columns; at++) {
    const x = values[at], z = Math.abs(x) * Math.SQRT1_2, t = 1 / (1 + 0.3275911 * z);
    const series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    const tail = 0.5 * series * decay(-z * z);
    values[at] = x * (x > 0 ? 1 - tail : tail);
  }
}

/** Softmax of `scale` times the first `keys` numbers of each row; the others become 0. */
function softmax({ values, rows, columns }, keys, scale) {
  for (let row = 0; row < rows; row++) {
    const start = row * columns, end = start + keys;
    let most = -Infinity, sum = 0;
    for (let at = start; at < end; at++) if (values[at] > most) most = values[at];
    for (let at = start; at < end; at++) sum += values[at] = decay(scale * (values[at] - most));
    const share = 1 / sum;
    for (let at = start; at < end; at++) values[at] *= share;
    for (let at = end; at < start + columns; at++) values[at] = 0;
  }
}

/** Rows of `tokens` with mean 0 and variance 1, times `weight`, plus `bias`, into `out`. */
function normalised({ values, rows, columns }, weight, bias, out) {
  for (let row = 0, start = 0; row < rows; row++, start += columns) {
    let sum = 0, square = 0;
    for (let at = 0; at < columns; at++) sum += values[start + at];
    const mean = sum / columns;
    for (let at = 0; at < columns; at++) square += (values[start + at] - mean) ** 2;
    const factor = 1 / Math.sqrt(square / columns + EPSILON);
    for (let at = 0; at < columns; at++) out.values[start + at] = (values[start + at] - mean) * factor * weight[at] + bias[at];
  }
  return out;
}

/** A small linear layer on one vector. */
function applied({ shape: [outputs, inputs], values }, bias, vector) {
  return Float32Array.from({ length: outputs }, (_, row) => {
    let sum = bias[row];
    for (let at = 0; at < inputs; at++) sum += values[row * inputs + at] * vector[at];
    return sum;
  });
}

class Network {
  /** `tensors` by the names of the model, {shape, values}; `config` as the checkpoint has it. */
  constructor(tensors, config) {
    const { vit } = config, width = Math.max(vit.embed_dim, config.transformer_dim), patches = vit.pos_grid ** 2;
    const tokens = 3 * config.triplane_low_res ** 2, context = 1 + vit.num_register_tokens + patches;
    Object.assign(this, { tensors, config, tokens, context, panels: {} });
    const weights = Object.values(tensors).reduce((sum, { values }) => sum + values.length, 0);
    const longest = Math.max(tokens, padded(context) + ROWS);
    this.memory = new Memory(4 * (weights + longest * (10 * width + 3 * padded(longest)) + 2 ** 16));
    for (const name of ["state", "normed", "mixed", "query", "added", "features"])
      this[name] = this.memory.matrix(longest, width);
    this.wide = this.memory.matrix(longest, 4 * width);
    this.scores = this.memory.matrix(longest, padded(longest));
    this.keys = this.memory.matrix(padded(longest), width);
    this.values = this.memory.matrix(padded(longest), width);
  }

  get simd() {
    return this.memory.simd;
  }

  vector(name) {
    return this.tensors[name].values;
  }

  /** Rows `from` to `from + outputs` of a weight (outputs, inputs), in panels; made once. */
  weight(name, from = 0, outputs = this.tensors[name].shape[0]) {
    const { shape, values } = this.tensors[name], inputs = values.length / shape[0];
    return (this.panels[`${name} ${from}`] ??= fillPanels(
      this.memory.matrix(inputs, outputs), inputs, outputs, (k, column) => values[(from + column) * inputs + k]));
  }

  /** tokens weight^T + bias into `out`; `part` of `parts` equal ones of the weight's rows. */
  linear(tokens, name, bias, out, part = 0, parts = 1) {
    const { shape, values } = this.tensors[name], outputs = shape[0] / parts, inputs = values.length / shape[0];
    const panels = this.weight(name, part * outputs, outputs), shift = bias && this.vector(bias).subarray(part * outputs);
    const target = out.first(tokens.rows, outputs);
    this.memory.multiply(tokens, panels, inputs, outputs, target);
    if (shift)
      for (let row = 0, to = 0; row < target.rows; row++)
        for (let at = 0; at < outputs; at++) target.values[to++] += shift[at];
    return target;
  }

  /** What each row of `tokens` finds in `context`, before the last projection; `weight` has query, key and value. */
  attended(tokens, context, heads, weight, bias = null) {
    const query = this.linear(tokens, weight, bias, this.query, 0, 3), width = query.columns, each = width / heads;
    const [keys, values] = [1, 2].map((part) => this.linear(context, weight, bias, this.wide, part, 3).values.slice());
    const count = context.rows, wide = padded(count), scores = this.scores.first(tokens.rows, wide);
    const mixed = this.mixed.first(tokens.rows, width);
    const at = (row, column, from) => (row < count ? from[row * width + column] : 0);
    for (let first = 0; first < width; first += each) {
      fillPanels(this.keys, each, wide, (k, row) => at(row, first + k, keys));
      this.memory.multiply(query, this.keys, each, wide, scores, first);
      softmax(scores, count, 1 / Math.sqrt(each));
      fillPanels(this.values, wide, each, (row, column) => at(row, first + column, values));
      this.memory.multiply(scores, this.values, wide, each, mixed, 0, first);
    }
    return mixed;
  }

  mlp(tokens, first, second) {
    const hidden = this.linear(tokens, `${first}.weight`, `${first}.bias`, this.wide);
    gelu(hidden);
    return this.linear(hidden, `${second}.weight`, `${second}.bias`, this.added);
  }

  /** Features (tokens, width) of an image (3, H, W) in [0, 1]; class token and patches. */
  encode(image) {
    const { vit } = this.config, width = vit.embed_dim, name = "encoder.model", grid = vit.pos_grid, patch = vit.patch_size;
    const side = grid * patch, patches = this.wide.first(grid * grid, 3 * patch * patch);
    for (let token = 0; token < grid * grid; token++)
      for (let at = 0; at < patches.columns; at++) {
        const y = Math.floor(token / grid) * patch + (Math.floor(at / patch) % patch);
        const x = (token % grid) * patch + (at % patch);
        patches.values[token * patches.columns + at] = image[(Math.floor(at / patch ** 2) * side + y) * side + x];
      }
    const seen = this.linear(patches, `${name}.patch_embed.proj.weight`, `${name}.patch_embed.proj.bias`, this.added);
    const state = this.state.first(this.context, width), place = this.vector(`${name}.pos_embed`);
    const before = 1 + vit.num_register_tokens;
    state.values.set(this.vector(`${name}.cls_token`).map((value, at) => value + place[at]));
    state.values.set(this.vector(`${name}.register_tokens`), width);
    state.values.set(seen.values.map((value, at) => value + place[width + at]), before * width);
    for (let block = 0; block < vit.depth; block++) this.block(state, `${name}.blocks.${block}`);
    const out = this.norm(state, `${name}.norm`);
    this.features = this.features.first(1 + grid * grid, width);
    this.features.values.set(out.values.subarray(0, width));
    this.features.values.set(out.values.subarray(before * width, (before + grid * grid) * width), width);
  }

  norm(state, name) {
    const [weight, bias] = ["weight", "bias"].map((part) => this.vector(`${name}.${part}`));
    return normalised(state, weight, bias, this.normed.first(state.rows, state.columns));
  }

  block(state, name) {
    const normed = (norm) => this.norm(state, `${name}.${norm}`);
    const take = (added, scale) => this.take(state, added, this.vector(`${name}.${scale}.gamma`));
    const tokens = normed("norm1");
    const found = this.attended(tokens, tokens, this.config.vit.num_heads, `${name}.attn.qkv.weight`, `${name}.attn.qkv.bias`);
    take(this.linear(found, `${name}.attn.proj.weight`, `${name}.attn.proj.bias`, this.added), "ls1");
    take(this.mlp(normed("norm2"), `${name}.mlp.fc1`, `${name}.mlp.fc2`), "ls2");
  }

  /** state += added, times a factor for each column. */
  take(state, added, factors = null) {
    for (let row = 0, to = 0; row < state.rows; row++)
      for (let at = 0; at < state.columns; at++, to++) state.values[to] += added.values[to] * (factors ? factors[at] : 1);
  }

  /** Planes {shape, values} of the image that was encoded last, told the distance of its camera. */
  planes(distance, focal) {
    const { config } = this, width = config.transformer_dim, state = this.state.first(this.tokens, width);
    const pose = [1, 0, 0, 0, 0, 0, -1, -distance, 0, 1, 0, 0, focal, focal, 0.5, 0.5];
    const dense = (name, vector) => applied(this.tensors[`${name}.weight`], this.vector(`${name}.bias`), vector);
    const camera = silu(dense("camera_embedder.mlp.2", silu(dense("camera_embedder.mlp.0", pose))));
    state.values.set(this.vector("pos_embed"));
    for (let layer = 0; layer < config.transformer_layers; layer++)
      this.layer(state, `transformer.layers.${layer}`, (name) => dense(name, camera));
    return this.upsampled(this.norm(state, "transformer.norm"));
  }

  layer(state, name, dense) {
    const { features } = this, heads = this.config.transformer_heads;
    const normed = (norm) => {
      const change = dense(`${name}.${norm}.mlp.1`), shift = change.subarray(0, state.columns);
      const scale = change.subarray(state.columns);
      const [weight, bias] = ["weight", "bias"].map((part) => this.vector(`${name}.${norm}.norm.${part}`));
      const [factor, term] = [weight, bias].map((part) => part.map((value, at) => value * (1 + scale[at])));
      return normalised(state, factor, term.map((value, at) => value + shift[at]), this.normed.first(state.rows, state.columns));
    };
    const look = (attention, tokens, context) => {
      const found = this.attended(tokens, context, heads, `${name}.${attention}.in_proj_weight`);
      this.take(state, this.linear(found, `${name}.${attention}.out_proj.weight`, null, this.added));
    };
    look("cross_attn", normed("norm1"), features);
    const tokens = normed("norm2");
    look("self_attn", tokens, tokens);
    this.take(state, this.mlp(normed("norm3"), `${name}.mlp.0`, `${name}.mlp.3`));
  }

  /** Each token becomes 2 x 2 texels: a transposed convolution whose kernel is its stride. */
  upsampled(tokens) {
    const { shape: [inputs, channels], values: weight } = this.tensors["upsampler.weight"], bias = this.vector("upsampler.bias");
    const low = this.config.triplane_low_res, side = 2 * low, outputs = 4 * channels;
    const texels = this.wide.first(tokens.rows, outputs);
    this.panels.upsampler ??= fillPanels(
      this.memory.matrix(inputs, outputs), inputs, outputs, (k, column) => weight[k * outputs + column]);
    this.memory.multiply(tokens, this.panels.upsampler, inputs, outputs, texels);
    const planes = new Float32Array(3 * channels * side * side);
    for (let token = 0; token < tokens.rows; token++) {
      const plane = Math.floor(token / low ** 2), row = Math.floor(token / low) % low, column = token % low;
      for (let at = 0; at < outputs; at++) {
        const channel = at >> 2, y = 2 * row + ((at >> 1) & 1), x = 2 * column + (at & 1);
        planes[((plane * channels + channel) * side + y) * side + x] = texels.values[token * outputs + at] + bias[channel];
      }
    }
    return { shape: [3, channels, side, side], values: planes };
  }
}
