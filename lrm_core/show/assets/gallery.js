// Shows one object of a gallery, in all views or in one, where two methods can be wiped over each other. What is picked
// stands in the address: #<gallery>--<object>--<view>, then --<left>-<right>-<cut> where a view is picked.
(function () {
  "use strict";

  const gallery = document.currentScript.parentElement;
  const picker = gallery.querySelector(".picker");
  const compare = gallery.querySelector(".compare");
  const { object, view } = picker.elements;
  const sections = [...gallery.querySelectorAll("section")];
  const start = "#" + gallery.dataset.name + "--";

  function show() {
    for (const section of sections) section.hidden = section.dataset.object !== object.value;
    gallery.toggleAttribute("data-one", view.value !== "all");
    for (const cell of gallery.querySelectorAll(".cells span")) cell.classList.toggle("shown", cell.dataset.view === view.value);
    if (compare) wipe();
  }

  function wipe() {
    compare.hidden = view.value === "all";
    if (compare.hidden) return;
    const { left, right, cut } = compare.elements;
    const section = sections.find((one) => !one.hidden);
    const stack = compare.querySelector(".stack");
    [left, right].forEach((list, place) => {
      const cell = section.querySelector(`.sheet${list.value}[data-view="${view.value}"]`);
      stack.children[place].className = "sheet" + list.value;
      stack.children[place].style.backgroundPosition = cell.style.backgroundPosition;
    });
    stack.style.setProperty("--cut", cut.value + "%");
    const names = [left, right].map((list) => list.selectedOptions[0].textContent);
    stack.setAttribute("aria-label", `${object.value}, view ${view.value}: ${names[0]} in the left ${cut.value}%, ${names[1]} in the rest`);
  }

  function comparison() {
    const { left, right, cut } = compare.elements;
    return [left.value, right.value, cut.value].join("-");
  }

  function pick() {
    show();
    const parts = [encodeURIComponent(object.value), view.value];
    if (compare && !compare.hidden) parts.push(comparison());
    history.replaceState(history.state, "", start + parts.join("--"));
  }

  function has(list, value) {
    return [...list.options].some((option) => option.value === value);
  }

  function readComparison(text) {
    const [left, right, cut] = text.split("-");
    const { elements } = compare;
    if (has(elements.left, left)) elements.left.value = left;
    if (has(elements.right, right)) elements.right.value = right;
    elements.cut.value = cut;
  }

  function readAddress() {
    if (!location.hash.startsWith(start)) return;
    const parts = location.hash.slice(start.length).split("--");
    if (compare && /^\d+-\d+-\d+$/.test(parts[parts.length - 1])) readComparison(parts.pop());
    const picked = { view: parts.pop(), object: decodeURIComponent(parts.join("--")) };
    for (const list of [object, view]) if (has(list, picked[list.name])) list.value = picked[list.name];
    show();
  }

  function step(by) {
    const count = object.options.length;
    object.selectedIndex = (object.selectedIndex + by + count) % count;
    pick();
  }

  function flip() {
    const { cut } = compare.elements;
    cut.value = Number(cut.value) > 50 ? 0 : 100;
    pick();
  }

  picker.hidden = false;
  for (const form of [picker, compare]) {
    if (!form) continue;
    form.addEventListener("input", pick);
    form.addEventListener("submit", (event) => event.preventDefault());
  }
  for (const button of picker.querySelectorAll("button")) button.addEventListener("click", () => step(Number(button.value)));
  if (compare) compare.querySelector("button").addEventListener("click", flip);
  window.addEventListener("hashchange", readAddress);
  show();
  readAddress();
  if (location.hash.startsWith(start)) gallery.scrollIntoView();
})();
