// The stop of the tour that the address asks for (?tour=3, counted from 1): scrolls to pictures of the page and says what to
// see there; asked to, moves the sliders of an explorable. Without that part in the address it does nothing.
(function () {
  "use strict";

  const MOVING = 1800; // milliseconds that sliders take
  const FRAME = 60; // milliseconds between two positions: each one is drawn

  const at = Number(new URLSearchParams(location.search).get("tour")) - 1;
  if (!Number.isInteger(at) || !LRM_TOUR[at] || !LRM_TOUR[at].here) return;

  function make(name, attributes, ...children) {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...children);
    return made;
  }

  function link(words, stop, name) {
    const made = make("a", { href: `${LRM_TOUR[stop].address.split("#")[0]}?tour=${stop + 1}`, className: "lrm-tour-go" }, words);
    made.dataset.go = name;
    return made;
  }

  function panel() {
    const ways = make("div", { className: "lrm-tour-ways" });
    if (at > 0) ways.append(link("Back", at - 1, "back"));
    if (at + 1 < LRM_TOUR.length) ways.append(link("Next", at + 1, "next"));
    const { live, preset } = LRM_TOUR[at];
    if (live) {
      const go = make("button", { type: "button" }, "Compute it here");
      go.addEventListener("click", () => move(document.querySelector(`[data-kind="${live}"]`), preset));
      ways.append(go);
    }
    const end = make("button", { type: "button", className: "lrm-tour-end" }, "End the tour");
    const box = make("section", { className: "lrm-tour", tabIndex: -1 },
      make("p", { className: "lrm-tour-count" }, `Stop ${at + 1} of ${LRM_TOUR.length}`), make("p", {}, LRM_TOUR[at].text), ways);
    box.setAttribute("aria-label", "Tour");
    ways.append(end);
    const leave = () => {
      box.remove();
      history.replaceState(history.state, "", location.pathname + location.hash);
    };
    end.addEventListener("click", leave);
    box.addEventListener("keydown", (event) => event.key === "Escape" && leave());
    return box;
  }

  /** Positions of the sliders of a figure and of the preset, in the order of the address; null where there is none. */
  function positions(figure, preset) {
    const script = [...document.querySelectorAll("script.lrm-explorable-data")].find((one) => one.previousElementSibling.contains(figure));
    const { sliders, presets } = JSON.parse(script.textContent).content;
    const wanted = presets.find(({ label }) => label.startsWith(preset));
    if (!wanted) return null;
    const now = (name) => Number(figure.querySelector(`input[name="${name}"]`).value);
    return sliders.map(({ name, step }) => ({ from: now(name), to: wanted.state[name], step }));
  }

  function move(figure, preset) {
    const sliders = positions(figure, preset);
    if (!sliders) return;
    figure.scrollIntoView({ block: "start" });
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches, began = performance.now();
    const rounded = (value, step) => Number((Math.round(value / step) * step).toFixed(6));
    const show = () => {
      const way = still ? 1 : Math.min(1, (performance.now() - began) / MOVING), eased = way * way * (3 - 2 * way);
      const numbers = sliders.map(({ from, to, step }) => (way === 1 ? to : rounded(from + eased * (to - from), step)));
      location.replace(`#${figure.dataset.kind}=${numbers.join(",")}`);
      if (way < 1) setTimeout(show, FRAME);
    };
    show();
  }

  addEventListener("load", () => {
    const box = panel(), shown = document.querySelector(LRM_TOUR[at].shown);
    document.body.append(box);
    document.body.classList.add("lrm-touring");
    if (shown) shown.scrollIntoView({ block: "center" });
    box.focus({ preventScroll: true });
  });
})();
