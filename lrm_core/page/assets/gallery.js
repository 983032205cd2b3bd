// One object in one view: two methods wiped over each other, beside the first. What is picked stands in the address:
// #<gallery>--<object>-<view>-<left>-<right>-<cut>, all of them numbers.
(function () {
  "use strict";

  const gallery = document.currentScript.parentElement;
  const picker = gallery.querySelector(".picker");
  const stage = gallery.querySelector(".stage");
  const stack = stage.querySelector(".stack");
  const beside = stage.querySelector(".beside");
  const { object, view, left, right, cut } = picker.elements;
  const fields = [object, view, left, right, cut];
  const start = "#" + gallery.dataset.name + "--";

  function place(list) {
    return `${(100 * list.selectedIndex) / Math.max(list.options.length - 1, 1)}%`;
  }

  function named(list) {
    return list.selectedOptions[0].textContent;
  }

  function show() {
    const position = `${place(view)} ${place(object)}`;
    [left, right].forEach((list, side) => (stack.children[side].className = "sheet" + list.value));
    for (const span of stage.querySelectorAll("span")) span.style.backgroundPosition = position;
    stack.style.setProperty("--cut", cut.value + "%");
    const where = `${named(object)}, view ${named(view)}`;
    stack.setAttribute("aria-label", `${where}: ${named(left)} in the left ${cut.value}%, ${named(right)} in the rest`);
    beside.setAttribute("aria-label", `${where}: ${beside.textContent}`);
  }

  function pick() {
    show();
    history.replaceState(history.state, "", start + fields.map((field) => field.value).join("-"));
  }

  function readAddress() {
    if (!/^\d+(-\d+){4}$/.test(location.hash.slice(start.length)) || !location.hash.startsWith(start)) return;
    location.hash.slice(start.length).split("-").forEach((value, at) => {
      const known = fields[at] === cut || [...fields[at].options].some((option) => option.value === value);
      if (known) fields[at].value = value;
    });
    show();
  }

  picker.hidden = stage.hidden = false;
  gallery.querySelector(".still").remove();
  picker.addEventListener("input", pick);
  picker.addEventListener("submit", (event) => event.preventDefault());
  for (const button of picker.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      const count = object.options.length;
      object.selectedIndex = (object.selectedIndex + Number(button.value) + count) % count;
      pick();
    });
  }
  window.addEventListener("hashchange", readAddress);
  show();
  readAddress();
  if (location.hash.startsWith(start)) gallery.scrollIntoView();
})();
