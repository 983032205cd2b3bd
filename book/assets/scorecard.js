// Buttons above the scorecard: each shows the claims of one verdict. Without this script all claims are shown.
(function () {
  "use strict";

  const ALL = "all";

  function button(verdict, count, choose) {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = `${verdict} (${count})`;
    made.dataset.verdict = verdict;
    made.addEventListener("click", () => choose(verdict));
    return made;
  }

  function addButtons(table) {
    const rows = [...table.tBodies[0].rows];
    const verdictOf = (row) => row.cells[1].querySelector("p").textContent.trim();
    const counts = new Map([[ALL, rows.length]]);
    for (const row of rows) counts.set(verdictOf(row), (counts.get(verdictOf(row)) || 0) + 1);
    const bar = document.createElement("div");
    bar.className = "scorecard-filter";
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", "Show claims by verdict");

    function choose(verdict) {
      for (const row of rows) row.hidden = verdict !== ALL && verdictOf(row) !== verdict;
      for (const each of bar.children) each.setAttribute("aria-pressed", each.dataset.verdict === verdict);
    }

    counts.forEach((count, verdict) => bar.append(button(verdict, count, choose)));
    table.before(bar);
    choose(ALL);
  }

  document.querySelectorAll("table.scorecard").forEach(addButtons);
})();
