// In a page without a kernel: what the JSON beside a figure holds, in the form of a widget's model.

function fromBase64(text) {
  return new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

/** The part of a widget's model that a figure uses, with no one at the other end. */
function pageModel(state) {
  const values = { ...state, data: fromBase64(state.data) };
  return { get: (name) => values[name], set: (name, value) => (values[name] = value), on() {}, off() {}, save_changes() {} };
}
