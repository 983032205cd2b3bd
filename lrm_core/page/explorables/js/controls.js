// What every explorable has: sliders, presets, a table of numbers, a sentence that is read out, a link to its state.

const EXPLORABLE_STYLE = `
.lrm-explorable { margin: 1.2rem 0; padding: 0.9rem; border: 1px solid var(--pst-color-border, #8886); border-radius: 8px;
  color: var(--pst-color-text-base, inherit); overflow-wrap: normal; }
.lrm-explorable .lrm-ex-columns { display: grid; gap: 0.9rem 1.4rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 15.5rem), 1fr)); }
.lrm-explorable .lrm-ex-columns > * { min-width: 0; }
.lrm-explorable .lrm-viewer { margin: 0 auto; }
.lrm-explorable label { display: block; margin: 0 0 0.5rem; font-size: 0.92rem; line-height: 1.35; }
.lrm-explorable label span { display: flex; justify-content: space-between; gap: 0.6rem; }
.lrm-explorable .lrm-ex-value { font-variant-numeric: tabular-nums; white-space: nowrap; }
.lrm-explorable input[type="range"] { width: 100%; margin: 0; height: 1.5rem; accent-color: var(--pst-color-primary, #1f6a72); }
.lrm-explorable .lrm-ex-buttons { display: flex; flex-wrap: wrap; gap: 0.4rem; margin: 0.5rem 0; }
.lrm-explorable button { font: inherit; font-size: 0.88rem; color: inherit; background: none; cursor: pointer; text-align: left;
  padding: 0.25rem 0.7rem; min-height: 2rem; border: 1px solid var(--pst-color-border, #888a); border-radius: 4px; }
.lrm-explorable button[aria-pressed="true"] { border-color: var(--pst-color-primary, #1f6a72);
  box-shadow: inset 0 0 0 1px var(--pst-color-primary, #1f6a72); }
.lrm-explorable :is(input, button):focus-visible { outline: 3px solid var(--pst-color-primary, #1f6a72); outline-offset: 2px; }
.lrm-explorable table { width: 100%; margin: 0.7rem 0 0; border-collapse: collapse; font-size: 0.9rem;
  font-variant-numeric: tabular-nums; table-layout: fixed; }
.lrm-explorable caption { caption-side: top; text-align: left; padding: 0 0 0.2rem; font-weight: 600; color: inherit; }
.lrm-explorable :is(th, td) { padding: 0.25rem 0.5rem 0.25rem 0; text-align: right; font-weight: 400; vertical-align: top;
  border: 0; border-bottom: 1px solid var(--pst-color-border, #8886); background: none; }
.lrm-explorable :is(th, td):first-child { text-align: left; }
.lrm-explorable th:first-child { width: 38%; }
.lrm-explorable th:not(:first-child) { width: 31%; }
.lrm-explorable td small { display: block; font-size: 0.85rem; line-height: 1.3; margin-top: 0.2rem; }
.lrm-explorable .lrm-ex-bar { position: relative; display: block; height: 0.55rem; margin-top: 0.25rem;
  background: var(--pst-color-surface, #8882); }
.lrm-explorable .lrm-ex-bar > * { position: absolute; top: 0; bottom: 0; left: 0; }
.lrm-explorable .lrm-ex-bar > .lrm-ex-mark { top: -0.18rem; bottom: -0.18rem; width: 0; margin-left: -1px;
  border-left: 2px solid var(--pst-color-text-base, currentColor); }
.lrm-explorable .lrm-ex-bar > .lrm-ex-mark.ours { border-left-style: dotted; }
.lrm-explorable .lrm-ex-pictures { display: grid; gap: 0.6rem; margin: 0.7rem 0 0;
  grid-template-columns: repeat(auto-fit, minmax(4.2rem, 1fr)); }
.lrm-explorable .lrm-ex-views:not(:empty) { position: sticky; top: var(--pst-header-height, 0); z-index: 2; margin: 0 0 0.7rem;
  background: var(--pst-color-background, Canvas); }
.lrm-explorable .lrm-ex-views .lrm-ex-pictures { margin: 0; grid-template-columns: none; grid-auto-flow: column;
  grid-auto-columns: minmax(0, 13rem); }
.lrm-explorable .lrm-ex-views figure canvas { max-width: none; image-rendering: auto; }
.lrm-explorable figure { margin: 0; font-size: 0.88rem; line-height: 1.3; }
.lrm-explorable figcaption { margin: 0.2rem 0 0.4rem; text-align: left; font-size: 0.88rem; font-weight: 400;
  color: var(--pst-color-text-base, inherit); }
.lrm-explorable figure canvas { width: 100%; max-width: 11rem; aspect-ratio: 1; display: block; border-radius: 3px; background: #fff; }
.lrm-explorable .lrm-ex-said { margin: 0.7rem 0 0; font-size: 0.94rem; line-height: 1.45; min-height: 2.9em; }
.lrm-explorable .lrm-ex-note { margin: 0.5rem 0 0; font-size: 0.88rem; line-height: 1.4; color: var(--pst-color-text-muted, inherit); }
.lrm-explorable svg { display: block; width: 100%; height: auto; overflow: visible; }
.lrm-explorable svg text { fill: var(--pst-color-text-base, currentColor); font: 12px var(--pst-font-family-base, sans-serif); }
`;
const BAND_COLOURS = ["var(--lrm-low, #2a7f9e)", "var(--lrm-mid, #8a7a3a)", "var(--lrm-high, #b3573b)"];
const SETTLED = 160; // milliseconds without a change after which numbers are worked out and read out
const COPIED = 2500; // milliseconds that the button says so
const PERCENT = (share, digits = 1) => `${(100 * share).toFixed(digits)}%`;

/** A table with its cells by row and column: [element, cells]. */
function makeTable(caption, columns, rows) {
  const cells = rows.map((_, row) => columns.slice(1).map(() => make("td", { "data-row": row }, "…")));
  const head = make("tr", {}, ...columns.map((name) => make("th", { scope: "col" }, name)));
  const body = rows.map((name, row) => make("tr", {}, make("th", { scope: "row" }, name), ...cells[row]));
  return [make("table", {}, make("caption", {}, caption), make("thead", {}, head), make("tbody", {}, ...body)), cells];
}

/** A share with its bar, and other shares marked on it: {name: {share, text}}. */
function showShare(cell, share, colour, marks = {}) {
  const bar = make("span", { class: "lrm-ex-bar", "aria-hidden": "true" },
    make("span", { style: `width:${100 * Math.min(share, 1)}%;background:${colour}` }),
    ...Object.entries(marks).map(([name, mark]) =>
      make("span", { class: `lrm-ex-mark ${name}`, style: `left:${100 * mark.share}%` })));
  const words = Object.values(marks).map((mark) => make("small", {}, `${mark.text} ${PERCENT(mark.share)}`));
  cell.replaceChildren(PERCENT(share), bar, ...words);
}

class Explorable {
  /**
   * `content`: {key, title, sliders: [{name, label, unit, min, max, step}], start, presets: [{label, state}], note}; a
   * slider with `texts` shows the text of its number, which is whole;
   * `linked`: whether the state is kept in the address, as in a page; a kernel's page has an address of its own.
   */
  constructor(model, el, linked) {
    this.content = model.get("content");
    this.model = model;
    this.linked = linked;
    this.state = { ...this.content.start };
    this.ending = new AbortController();
    this.stage = make("div");
    this.reading = make("div");
    this.views = make("div", { class: "lrm-ex-views" }); // in sight while a slider moves
    this.controls = make("div", {}, ...this.sliders(), this.buttons());
    this.said = make("p", { class: "lrm-ex-said", role: "status", "aria-live": "polite" });
    this.root = make("div", { class: "lrm-explorable", role: "group", "aria-label": this.content.title },
      make("style", {}, EXPLORABLE_STYLE),
      this.views, make("div", { class: "lrm-ex-columns" }, this.stage, this.controls),
      this.reading, this.said, make("p", { class: "lrm-ex-note" }, this.content.note));
    Object.assign(this.root.dataset, { kind: this.content.key });
    el.replaceChildren(this.root);
  }

  /** Draw the first state: one that was there `before`, else that of the address, if it has one. */
  open(before = null) {
    if (this.linked) {
      addEventListener("hashchange", () => this.follow(), { signal: this.ending.signal });
      if (this.follow() && !before) this.root.scrollIntoView({ block: "center" });
    }
    if (before) this.state = before;
    this.opened = true;
    this.show(this.names);
  }

  get names() {
    return this.content.sliders.map(({ name }) => name);
  }

  sliders() {
    this.inputs = {};
    return this.content.sliders.map(({ name, label, min, max, step }) => {
      const input = make("input", { type: "range", name, min, max, step }), value = make("span", { class: "lrm-ex-value" }); // an output would take the label
      this.inputs[name] = { input, value };
      input.addEventListener("input", () => this.set({ [name]: Number(input.value) }), { signal: this.ending.signal });
      return make("label", {}, make("span", {}, label, value), input);
    });
  }

  buttons() {
    this.presets = this.content.presets.map(({ label, state }) => {
      const button = make("button", { type: "button" }, label);
      button.addEventListener("click", () => this.set(state), { signal: this.ending.signal });
      return { button, state };
    });
    const box = make("div", { class: "lrm-ex-buttons" }, ...this.presets.map(({ button }) => button));
    if (this.linked) box.append(this.copying());
    return box;
  }

  /** Buttons for the objects of these names, of which one is shown; `choose(number)` shows another. */
  offer(names, shown, choose) {
    const buttons = names.map((name, at) => {
      const button = make("button", { type: "button", "aria-pressed": String(at === shown) }, name);
      button.addEventListener("click", () => choose(at), { signal: this.ending.signal });
      return button;
    });
    this.controls.prepend(make("div", { class: "lrm-ex-buttons", role: "group", "aria-label": "Object" }, ...buttons));
  }

  copying() {
    const button = make("button", { type: "button" }, "Copy link");
    button.addEventListener("click", async () => {
      const link = linkTo(this.content.key, this.names.map((name) => this.state[name]));
      button.textContent = (await copyText(link)) ? "Link copied" : "Not copied: use the address of the page";
      setTimeout(() => (button.textContent = "Copy link"), COPIED);
    }, { signal: this.ending.signal });
    return button;
  }

  /** Take the state from the address; whether there is one. */
  follow() {
    const numbers = readHash(this.content.key, this.names.length);
    const state = numbers ? Object.fromEntries(this.names.map((name, at) => [name, numbers[at]])) : this.content.start;
    this.set(state, false);
    return Boolean(numbers);
  }

  /** Change part of the state, within the limits of its sliders; `write` it to the address unless it comes from there. */
  set(change, write = true) {
    const before = this.state, wanted = { ...before };
    for (const { name, min, max, texts } of this.content.sliders)
      if (name in change) wanted[name] = Math.min(max, Math.max(min, texts ? Math.round(change[name]) : change[name]));
    this.state = this.settled(wanted, change);
    const changed = this.names.filter((name) => this.state[name] !== before[name]);
    if (this.linked && write) this.remember();
    if (changed.length && this.opened) this.show(changed);
  }

  remember() {
    const { start } = this.content, isStart = this.names.every((name) => this.state[name] === start[name]);
    writeHash(this.content.key, isStart ? null : this.names.map((name) => this.state[name]));
  }

  show(changed) {
    for (const { name, unit, step, texts } of this.content.sliders) {
      const { input, value } = this.inputs[name], digits = (String(step).split(".")[1] ?? "").length;
      const text = texts?.[this.state[name]] ?? this.state[name].toFixed(digits);
      input.value = this.state[name];
      value.textContent = `${text} ${unit}`.trim();
      input.setAttribute("aria-valuetext", value.textContent);
    }
    for (const { button, state } of this.presets)
      button.setAttribute("aria-pressed", String(this.names.every((name) => state[name] === this.state[name])));
    this.update(changed);
  }

  /** Say it once the hand rests, so that a screen reader is not talked over. */
  say(text) {
    clearTimeout(this.saying);
    this.saying = setTimeout(() => (this.said.textContent = text), SETTLED);
  }

  /** A state that is allowed, near the one wanted. */
  settled(wanted) {
    return wanted;
  }

  close() {
    this.ending.abort();
  }
}
