// GLSL. A field answers `vec4 field(vec3 p)`: raw density, then colour. See spec.md, sections Planes, Rays, Volume.

const HEAD = `#version 300 es
precision highp float; precision highp int; precision highp sampler2DArray; precision highp sampler3D;
const float RAW_LOW = ${RAW_LOW}.0, RAW_HIGH = ${RAW_HIGH}.0;
out vec4 result;
`;

const CORNERS = `#version 300 es
void main() { gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0); }`;

/** The decoder as it stands: 48 lookups in the folded planes, then 64 -> 64 -> 64 -> 4. */
const DECODER = `
layout(std140) uniform Second { mat4 second[256]; };
layout(std140) uniform Third { mat4 third[256]; };
layout(std140) uniform Rest { vec4 bias[48]; mat4 head[16]; vec4 headBias; };
uniform sampler2DArray planes; // (R + 2)^2 texels, 16 layers for each of xy, xz, zy

vec4 decode(vec3 p) {
  float wide = float(textureSize(planes, 0).x);
  vec3 t = (0.5 * (p + 1.0) * (wide - 2.0) + 1.0) / wide;
  vec4 h[16], g[16];
  for (int i = 0; i < 16; i++)
    h[i] = max(bias[i] + textureLod(planes, vec3(t.xy, float(i)), 0.0)
                       + textureLod(planes, vec3(t.xz, float(i + 16)), 0.0)
                       + textureLod(planes, vec3(t.zy, float(i + 32)), 0.0), 0.0);
  for (int i = 0; i < 16; i++) {
    vec4 s = bias[i + 16];
    for (int j = 0; j < 16; j++) s += second[16 * i + j] * h[j];
    g[i] = max(s, 0.0);
  }
  vec4 raw = headBias;
  for (int i = 0; i < 16; i++) {
    vec4 s = bias[i + 32];
    for (int j = 0; j < 16; j++) s += third[16 * i + j] * g[j];
    raw += head[i] * max(s, 0.0);
  }
  return vec4(raw.x, 1.002 / (1.0 + exp(-raw.yzw)) - 0.001);
}
`;

/** Baked values: colour, and the raw density in eight bits. */
const GRID = `
uniform sampler3D grid;
vec4 baked(vec3 p) {
  vec4 v = textureLod(grid, 0.5 * (p + 1.0), 0.0);
  return vec4(mix(RAW_LOW, RAW_HIGH, v.a), v.rgb);
}
`;

/** Whether nothing can be seen in the cell of a point. */
const OCCUPANCY = `
uniform sampler3D occupancy;
bool empty(vec3 p) {
  ivec3 cells = textureSize(occupancy, 0);
  return texelFetch(occupancy, clamp(ivec3(0.5 * (p + 1.0) * vec3(cells)), ivec3(0), cells - 1), 0).r == 0.0;
}
`;

const BAKED_FIELD = GRID + "vec4 field(vec3 p) { return baked(p); }";
const DECODED_FIELD = DECODER + GRID + OCCUPANCY + "vec4 field(vec3 p) { return empty(p) ? baked(p) : decode(p); }";

/** Emission and absorption along each pixel's ray; samples evenly spaced, averaged in pairs (step 4 of the spec). */
const MARCH = `
uniform mat3 axes; uniform vec3 eye, lowest, highest; // the box around all that is not empty
uniform float focal, background, size, least; uniform int samples; // raw densities below the least are not drawn

float softplus(float x) { return max(x, 0.0) + log(1.0 + exp(-abs(x))); }

vec2 through(vec3 ray, vec3 low, vec3 high) {
  vec3 a = (low - eye) / ray, b = (high - eye) / ray, enter = min(a, b), leave = max(a, b);
  return vec2(max(max(max(enter.x, enter.y), enter.z), 0.0), min(min(leave.x, leave.y), leave.z));
}

void main() {
  vec2 uv = gl_FragCoord.xy / size - 0.5;
  vec3 ray = normalize(axes * vec3(uv / focal, -1.0));
  vec2 span = through(ray, vec3(-1.0), vec3(1.0)), seen = through(ray, lowest, highest);
  vec3 light = vec3(0.0);
  float reach = 1.0;
  float spacing = (span.y - span.x) / float(samples - 1);
  ivec2 range = ivec2((seen - span.x) / spacing) + ivec2(0, 2); // samples on both sides of what can be seen
  vec4 before = vec4(0.0);
  for (int k = range.x; seen.y > seen.x && k < min(range.y, samples) && reach > 1e-3; k++) {
    vec4 now = field(eye + ray * (span.x + float(k) * spacing)); // called once: compilers copy it to each call
    if (k > range.x) {
      float raw = 0.5 * (before.x + now.x), alpha = raw < least ? 0.0 : 1.0 - exp(-softplus(raw - 1.0) * spacing);
      light += reach * alpha * 0.5 * (before.yzw + now.yzw);
      reach *= 1.0 - alpha;
    }
    before = now;
  }
  result = vec4(light + reach * background, 1.0);
}
`;
