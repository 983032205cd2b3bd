// Where pictures come in: by drop, paste, choice or camera, or one of those that are here.

const OWN_STYLE = `
.lrm-own { margin: 1.2rem 0; padding: 0.9rem; border: 1px solid var(--pst-color-border, #8886); border-radius: 8px;
  color: var(--pst-color-text-base, inherit); }
.lrm-own [hidden] { display: none !important; }
.lrm-own-drop { padding: 0.8rem; border: 2px dashed var(--pst-color-border, #888a); border-radius: 6px; text-align: center; }
.lrm-own-drop.over { border-color: var(--pst-color-primary, #1f6a72); }
.lrm-own p { margin: 0.5rem 0; font-size: 0.94rem; line-height: 1.45; }
.lrm-own .lrm-own-note { font-size: 0.88rem; color: var(--pst-color-text-muted, inherit); }
.lrm-own-buttons { display: flex; flex-wrap: wrap; gap: 0.4rem; justify-content: center; }
.lrm-own-result .lrm-own-buttons { justify-content: flex-start; }
.lrm-own button { font: inherit; font-size: 0.9rem; color: inherit; background: none; cursor: pointer; padding: 0.25rem 0.7rem;
  min-height: 2rem; border: 1px solid var(--pst-color-border, #888a); border-radius: 4px; }
.lrm-own button:disabled { opacity: 0.5; cursor: default; }
.lrm-own :is(button, input):focus-visible { outline: 3px solid var(--pst-color-primary, #1f6a72); outline-offset: 2px; }
.lrm-own-starters { display: grid; grid-template-columns: repeat(6, minmax(0, 4.5rem)); gap: 0.4rem; justify-content: center;
  margin-top: 0.6rem; }
.lrm-own-starters button { padding: 0; line-height: 0; background: #fff; overflow: hidden; }
.lrm-own-starters img { width: 100%; height: auto; margin: 0; }
.lrm-own progress { width: 100%; accent-color: var(--pst-color-primary, #1f6a72); }
.lrm-own-said { min-height: 1.45em; }
.lrm-own-result { display: grid; gap: 0.9rem 1.4rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 15.5rem), 1fr)); }
.lrm-own-result > * { min-width: 0; }
.lrm-own-result .lrm-viewer { margin: 0 auto; }
.lrm-own-pair { display: grid; grid-template-columns: 1fr 1fr; gap: 0.7rem; align-items: start; }
.lrm-own-pair:has(> [hidden]) { grid-template-columns: 1fr; }
.lrm-own figure { margin: 0; padding: 0; }
.lrm-own figcaption { margin: 0.2rem 0 0.5rem; padding: 0; font-size: 0.88rem; line-height: 1.35; }
.lrm-own-frame { position: relative; line-height: 0; }
.lrm-own-frame canvas { width: 100%; height: auto; border-radius: 3px; background: #fff; }
.lrm-own-given canvas { cursor: crosshair; touch-action: none; }
.lrm-own-frame div { position: absolute; pointer-events: none; border: 2px solid #e07b39; box-shadow: 0 0 0 1px #fff; }
.lrm-own label { display: block; margin: 0 0 0.5rem; font-size: 0.92rem; line-height: 1.35; }
.lrm-own label span { display: flex; justify-content: space-between; gap: 0.6rem; font-variant-numeric: tabular-nums; }
.lrm-own input[type="range"] { width: 100%; margin: 0; height: 1.5rem; accent-color: var(--pst-color-primary, #1f6a72); }
`;

/** A button that does something. */
function pressed(content, act, signal) {
  const button = make("button", { type: "button" }, content);
  button.addEventListener("click", act, { signal });
  return button;
}

/** A button that lets a file be chosen, with the input that does so. */
function chooser(text, attributes, take, signal) {
  const input = make("input", { type: "file", hidden: "", ...attributes });
  input.addEventListener("change", () => {
    if (input.files[0]) take(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  }, { signal });
  return [pressed(text, () => input.click(), signal), input];
}

/** The place, `take(blob)` hears of pictures, `refuse(sentence)` of what is none; `starters`: {name, picture}. */
function entrance(starters, note, take, refuse, signal) {
  const file = chooser("Choose a picture", { accept: "image/png,image/jpeg,image/webp" }, take, signal);
  const hand = matchMedia("(pointer: coarse)").matches;
  const photo = hand ? chooser("Take a photo", { accept: "image/*", capture: "environment" }, take, signal) : [];
  const small = starters.map(({ name, picture }) => pressed(make("img", { src: picture, alt: `Try ${name}` }),
    () => take(new Blob([fromBase64(picture.split(",")[1])])), signal));
  const place = make("div", { class: "lrm-own-drop" },
    make("p", {}, "Drop a picture of one thing here, or paste it."),
    make("div", { class: "lrm-own-buttons" }, ...file, ...photo),
    make("div", { class: "lrm-own-starters" }, ...small),
    make("p", { class: "lrm-own-note" }, note));
  const over = (inside) => (event) => {
    event.preventDefault();
    place.classList.toggle("over", inside);
  };
  const on = (name, handler, target = place) => target.addEventListener(name, handler, { signal });
  on("dragover", over(true));
  on("dragleave", over(false));
  on("drop", over(false));
  on("drop", ({ dataTransfer: { files: [dropped] } }) =>
    dropped ? take(dropped) : refuse("What was dropped is no file; save the picture first, or copy and paste it."));
  on("paste", ({ clipboardData, target }) => {
    const pasted = [...clipboardData.files].find(({ type }) => type.startsWith("image/"));
    if (pasted && !target.closest?.("input, textarea, [contenteditable=true]")) take(pasted);
  }, document);
  return place;
}
