// A number against another: curves, points that move along them, and points that stay.

const CHART = { width: 320, height: 150, left: 34, right: 8, top: 10, bottom: 22 };

/** An element of SVG with attributes and children. */
function svgPart(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(...children);
  return element;
}

/**
 * Curves {name, colour, values, dash} over t from 0 to 1, at `places` (evenly spaced from end to end unless given);
 * `range`: least and greatest value; `ends`: what stands below t = 0 and t = 1; `dots`: {t, value, colour, faint}.
 * A curve without a name is not in the legend. Returns the element and `move(t, values)`, which shows a point for each
 * curve, or none where values are null.
 */
function chart(title, curves, range, { ends = ["t = 0", "t = 1"], places = null, dots = [] } = {}) {
  const { width, height, left, right, top, bottom } = CHART;
  const x = (t) => left + t * (width - left - right);
  const y = (value) => top + ((range[1] - value) / (range[1] - range[0])) * (height - top - bottom);
  const level = (value) => [
    svgPart("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), stroke: "var(--pst-color-border, #8886)" }),
    svgPart("text", { x: left - 5, y: y(value) + 4, "text-anchor": "end" }, String(value))];
  const circle = (colour, rest) => svgPart("circle", { r: 5, fill: colour, stroke: "var(--pst-color-background, #fff)", ...rest });
  const points = curves.map(({ colour }) => circle(colour, { visibility: "hidden" }));
  const fixed = dots.map(({ t, value, colour, faint }) =>
    circle(colour, { cx: x(t), cy: y(value), ...(faint ? { r: 4, opacity: 0.5 } : {}) }));
  const lines = curves.map(({ colour, values, dash = "" }) => svgPart("polyline", { fill: "none", stroke: colour,
    "stroke-width": dash ? 1.2 : 2, "stroke-dasharray": dash,
    points: values.map((value, at) => `${x(places?.[at] ?? at / (values.length - 1))},${y(value)}`).join(" ") }));
  const below = ends.map((text, at) => svgPart("text", { x: x(at), y: height - 5, "text-anchor": at ? "end" : "start" }, text));
  const picture = svgPart("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title },
    ...range.flatMap(level), ...lines, ...fixed, ...points, ...below);
  const move = (t, values) => points.forEach((point, at) => {
    point.setAttribute("visibility", values ? "visible" : "hidden");
    if (values) Object.entries({ cx: x(t), cy: y(values[at]) }).forEach((entry) => point.setAttribute(...entry));
  });
  const names = curves.filter(({ name }) => name).map(({ name, colour }) =>
    make("span", {}, make("span", { "aria-hidden": "true", style: `color:${colour}` }, "● "), `${name} `));
  return { element: make("figure", {}, make("figcaption", {}, title, ": ", ...names), picture), move };
}
