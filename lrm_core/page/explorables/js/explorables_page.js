// Draws every explorable of the page; their states are in its address.

for (const script of document.querySelectorAll("script.lrm-explorable-data"))
  explore({ model: pageModel(JSON.parse(script.textContent)), el: script.previousElementSibling }, true);
