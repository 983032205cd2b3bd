// Draws each plotly figure of the page in the colours of the theme, and again when the theme changes.
(function () {
  "use strict";

  const NARROW = 560; // pixels: below it the legend goes under the plot
  const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };

  const COLOURWAY = ["#2f86a6", "#c8643f", "#858a35", "#8f6fb8", "#4f9464", "#b85c8e"]; // readable on light and dark

  function themeColours() {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    return { text: colour("--pst-color-text-base"), line: colour("--pst-color-border"), surface: colour("--pst-color-surface") };
  }

  function themedAxis(axis, colours) {
    return Object.assign({}, axis, { gridcolor: colours.line, zerolinecolor: colours.line, linecolor: colours.line, tickcolor: colours.line });
  }

  function themedScene(scene, colours) {
    const result = Object.assign({}, scene, { bgcolor: "rgba(0,0,0,0)" });
    for (const name of ["xaxis", "yaxis", "zaxis"]) {
      result[name] = Object.assign(themedAxis(scene[name], colours), { backgroundcolor: "rgba(0,0,0,0)" });
    }
    return result;
  }

  function axisNames(figure) {
    const names = new Set(["xaxis", "yaxis"]);
    Object.keys(figure.layout).filter((key) => /^[xy]axis\d*$/.test(key)).forEach((key) => names.add(key));
    return names;
  }

  function themedLayout(figure, width) {
    const colours = themeColours();
    const layout = JSON.parse(JSON.stringify(figure.layout));
    for (const name of axisNames(figure)) layout[name] = themedAxis(layout[name], colours);
    for (const name of Object.keys(layout)) {
      if (/^scene\d*$/.test(name)) layout[name] = themedScene(layout[name], colours);
    }
    const font = Object.assign({ family: getComputedStyle(document.body).fontFamily, size: 13 }, layout.font, { color: colours.text });
    Object.assign(layout, { font: font, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", autosize: true });
    layout.hoverlabel = Object.assign({}, layout.hoverlabel, { bgcolor: colours.surface, bordercolor: colours.line, font: { color: colours.text } });
    layout.colorway = layout.colorway || COLOURWAY;
    delete layout.width;
    return width < NARROW ? narrowLayout(layout) : layout;
  }

  function narrowLayout(layout) {
    layout.legend = Object.assign({}, layout.legend, { orientation: "h", x: 0, xanchor: "left", y: -0.2, yanchor: "top" });
    layout.margin = Object.assign({}, layout.margin, { l: 48, r: 12 });
    layout.font.size = 11;
    const eye = layout.scene?.camera?.eye ?? {};
    for (const axis in eye) eye[axis] *= 2.4; // a scene is fitted to its height
    layout.images = (layout.images ?? []).filter((image) => image.yref !== "paper"); // too small below a bar
    return layout;
  }

  function draw(box) {
    const figure = JSON.parse(box.nextElementSibling.textContent);
    Plotly.react(box, figure.data, themedLayout(figure, box.clientWidth), CONFIG);
  }

  function drawAll() {
    document.querySelectorAll(".lrm-figure").forEach(draw);
  }

  drawAll();
  new MutationObserver(drawAll).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
})();
