// In a page without a kernel: each figure reads its model from the JSON beside it.

function fromBase64(text) {
  return new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

/** The part of a widget's model that a figure uses, with no one at the other end. */
function pageModel(state) {
  const values = { ...state, data: fromBase64(state.data) };
  return { get: (name) => values[name], set: (name, value) => (values[name] = value), on() {}, off() {}, save_changes() {} };
}

for (const script of document.querySelectorAll("script.lrm-viewer-data"))
  render({ model: pageModel(JSON.parse(script.textContent)), el: script.previousElementSibling });
