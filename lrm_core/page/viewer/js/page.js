// Draws every viewer of the page.

for (const script of document.querySelectorAll("script.lrm-viewer-data"))
  render({ model: pageModel(JSON.parse(script.textContent)), el: script.previousElementSibling });
