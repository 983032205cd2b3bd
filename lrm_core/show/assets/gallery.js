// Shows one object of a gallery, in all views or in one; what is picked stands in the address.
(function () {
  "use strict";

  const gallery = document.currentScript.parentElement;
  const form = gallery.querySelector(".picker");
  const { object, view } = form.elements;
  const sections = [...gallery.querySelectorAll("section")];
  const start = "#" + gallery.dataset.name + "--";

  function show() {
    for (const section of sections) section.hidden = section.dataset.object !== object.value;
    gallery.toggleAttribute("data-one", view.value !== "all");
    for (const cell of gallery.querySelectorAll(".cells span")) cell.classList.toggle("shown", cell.dataset.view === view.value);
  }

  function pick() {
    show();
    history.replaceState(history.state, "", start + encodeURIComponent(object.value) + "--" + view.value);
  }

  function has(list, value) {
    return [...list.options].some((option) => option.value === value);
  }

  function readAddress() {
    if (!location.hash.startsWith(start)) return;
    const parts = location.hash.slice(start.length).split("--");
    const picked = { view: parts.pop(), object: decodeURIComponent(parts.join("--")) };
    for (const list of [object, view]) if (has(list, picked[list.name])) list.value = picked[list.name];
    show();
  }

  function step(by) {
    const count = object.options.length;
    object.selectedIndex = (object.selectedIndex + by + count) % count;
    pick();
  }

  form.hidden = false;
  form.addEventListener("change", pick);
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const button of form.querySelectorAll("button")) button.addEventListener("click", () => step(Number(button.value)));
  window.addEventListener("hashchange", readAddress);
  show();
  readAddress();
  if (location.hash.startsWith(start)) gallery.scrollIntoView();
})();
