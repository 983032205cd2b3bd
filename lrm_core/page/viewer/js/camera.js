// The view: where the camera is, and what pointer, wheel and keys do to it.

const ELEVATIONS = [-85, 85], DISTANCES = [1.2, 5]; // degrees; world units
const KEYS = {
  ArrowLeft: { azimuth: -5 }, ArrowRight: { azimuth: 5 }, ArrowUp: { elevation: 5 }, ArrowDown: { elevation: -5 },
  "+": { zoom: 1 / 1.1 }, "=": { zoom: 1 / 1.1 }, "-": { zoom: 1.1 }, PageUp: { zoom: 1 / 1.1 }, PageDown: { zoom: 1.1 },
};
const DEGREES_PER_WIDTH = 240; // that dragging over the whole picture turns

const clamp = (value, [low, high]) => Math.min(Math.max(value, low), high);

/** A view {azimuth, elevation, distance} moved and kept within bounds; azimuth stays in [-180, 180). */
function moved(view, { azimuth = 0, elevation = 0, zoom = 1 }) {
  return {
    azimuth: ((((view.azimuth + azimuth + 180) % 360) + 360) % 360) - 180,
    elevation: clamp(view.elevation + elevation, ELEVATIONS),
    distance: clamp(view.distance * zoom, DISTANCES),
  };
}

/** Axes (right, up, backward; world z up) and position of the camera that looks at the origin: `look_at` in Python. */
function lookAt({ azimuth, elevation, distance }) {
  const [a, e] = [azimuth, elevation].map((degrees) => (degrees * Math.PI) / 180);
  const backward = [Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e)];
  const right = [-Math.sin(a), Math.cos(a), 0];
  const up = [-Math.sin(e) * Math.cos(a), -Math.sin(e) * Math.sin(a), Math.cos(e)];
  return { axes: [right, up, backward], eye: backward.map((part) => part * distance) };
}

/**
 * Orbit by dragging, zoom by pinching or the wheel (once the picture has the focus), keys for both.
 * `move(change)` receives {azimuth, elevation, zoom} or null for the first view; `hold(moving)` says when dragging
 * starts and ends. Vertical swipes of one finger still scroll the page.
 */
function listen(element, move, hold, signal) {
  const pointers = new Map();
  const on = (name, handler, options = {}) => element.addEventListener(name, handler, { signal, ...options });
  const spread = () => {
    const [a, b] = [...pointers.values()];
    return Math.hypot(a.x - b.x, a.y - b.y);
  };

  on("pointerdown", (event) => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    hold(true);
  });
  on("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const before = pointers.size === 2 ? spread() : 0, scale = DEGREES_PER_WIDTH / element.clientWidth;
    const change = { azimuth: -(event.clientX - last.x) * scale, elevation: (event.clientY - last.y) * scale };
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pointers.size === 1) move(change);
    if (pointers.size !== 2) return;
    move({ azimuth: change.azimuth / 2, elevation: change.elevation / 2, zoom: before / Math.max(spread(), 1) });
  });
  const release = (event) => {
    pointers.delete(event.pointerId);
    if (!pointers.size) hold(false);
  };
  on("pointerup", release);
  on("pointercancel", release);
  on("wheel", (event) => {
    if (document.activeElement !== element && !event.ctrlKey) return; // the page scrolls
    event.preventDefault();
    move({ zoom: Math.exp(clamp(event.deltaY, [-120, 120]) * 0.001) });
  }, { passive: false });
  on("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (!(event.key in KEYS) && event.key !== "Home") return;
    event.preventDefault();
    move(event.key === "Home" ? null : KEYS[event.key]);
  });
}
