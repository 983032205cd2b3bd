// Starts the figure in every place that the page has for it.

for (const script of document.querySelectorAll("script.lrm-own-data")) {
  const state = JSON.parse(script.textContent);
  new OwnPicture(pageModel(state), script.previousElementSibling, new Engine(WORKER, state.about));
}
