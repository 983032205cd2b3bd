// Which explorable a model asks for.

const KINDS = { mixer: Mixer, line: Line, spectrum: SpectrumFigure, probe: Probe, mismatch: Mismatch };

/** Draws the model into an element, with a switch to the same figure of `others`; returns what undoes it. */
function explore({ model, el }, linked = false) {
  const models = [model, ...(model.get("others") ?? []).map(pageModel)], names = models.map((one) => one.get("content").object);
  let figure;
  const open = (chosen) => {
    const state = figure?.state; // none at first
    figure?.close();
    figure = new KINDS[model.get("content").key](models[chosen], el, linked);
    if (models.length > 1) figure.offer(names, chosen, open);
    figure.open(state);
    if (state) figure.controls.querySelectorAll("button")[chosen].focus();
  };
  open(0);
  return () => figure.close();
}
