// Which explorable a model asks for.

const KINDS = { mixer: Mixer, line: Line, spectrum: SpectrumFigure, probe: Probe, mismatch: Mismatch };

/** Draws the model into an element, returns what undoes it. */
function explore({ model, el }, linked = false) {
  const figure = new KINDS[model.get("content").key](model, el, linked);
  figure.open();
  return () => figure.close();
}
