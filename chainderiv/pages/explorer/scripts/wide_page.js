// The tab of wide layers: its controls, and what is drawn of the state.

function showTabs({ tab }) {
  for (const name of CHOICES.tab) {
    const chosen = name === tab;
    $(name).hidden = !chosen;
    $("tab-" + name).setAttribute("aria-selected", String(chosen));
    $("tab-" + name).tabIndex = chosen ? 0 : -1;
  }
  $("tabs").setAttribute("aria-label", t("tabs"));
}

function showWideControls(state) {
  const { neurons, depths } = DATA.wide;
  fill($("neuron"), Object.keys(neurons), name => name);
  fill($("init"), Object.keys(neurons[state.neuron].starts), name => name);
  $("neuron").value = state.neuron;
  $("init").value = state.init;
  $("hidden").max = depths.length - 1;
  $("hidden").value = depths.indexOf(state.hidden);
  $("hidden").setAttribute("aria-valuetext", state.hidden);
  $("hidden-value").textContent = state.hidden;
  $("at").max = state.hidden;
  $("init-about").textContent = DATA.wide.about[state.init];
}

let wideShown = "";

// what a change of the layer that is read leaves as it is, is not drawn again
function showWide(state, isDark, palette, change) {
  const found = wideAt(state), key = [state.neuron, state.init, state.hidden, language, isDark].join("|");
  if (key !== wideShown) showNetwork(state, found, palette, change);
  wideShown = key;
  $("at").value = state.at;
  $("at").setAttribute("aria-valuetext", state.at);
  $("at-value").textContent = state.at;
  if (found.refused) return;
  drawLayers($("layers"), found, state);
  $("wide-readout").innerHTML = layerReadout(found, state);
}

function showNetwork(state, found, palette, change) {
  $("layers-title").textContent = t("layers_title", state);
  $("phase-title").textContent = t("phase_title", state);
  $("save-layers-png").disabled = $("save-layers-csv").disabled = Boolean(found.refused);
  showDoubts(found.doubts ?? []);
  drawPhase($("phase"), state, palette, change);
  $("phase-legend").innerHTML = phaseLegend(state, palette);
  drawDepths($("depths"), state, palette, change);
  $("wide-command").textContent = wideCommand(state);
  $("wide-snippet").textContent = wideSnippet(state);
  $("made-by").textContent = DATA.wide.made_by;
  $("layers-legend").innerHTML = found.refused ? "" : wideLegend(found);
  $("wide-summary").textContent = found.refused ? "" : wideSummary(found, state);
  if (!found.refused) return;
  $("layers").textContent = found.refused;
  $("wide-readout").replaceChildren();
}

// why the theory may be off, in its own words
function showDoubts(doubts) {
  $("doubts").hidden = !doubts.length;
  $("wide-doubts").replaceChildren(...doubts.map(doubt => {
    const item = document.createElement("li");
    item.lang = "en";
    item.textContent = doubt;
    return item;
  }));
}

function wideLegend({ predicted }) {
  const mark = inner => `<svg class="chart" viewBox="0 0 30 14" aria-hidden="true">${inner}</svg>`;
  const entries = predicted ? [["legend_median", '<path class="line" d="M0 7H30"/>'], ["legend_band", '<rect class="band" width="30" height="14"/>']] : [];
  entries.push(["legend_seeds", '<path class="seed" d="M0 7H30"/><circle class="dot" cx="15" cy="7" r="3"/>']);
  return entries.map(([name, inner]) => `<li>${mark(inner)}${t(name, { seeds: DATA.wide.seeds })}</li>`).join("");
}

function phaseLegend({ neuron }, palette) {
  const cells = new Set(DATA.wide.neurons[neuron].phase.chi_1.flat());
  const entries = [["zero", palette.zero, "legend_zero"], [null, palette.undefined, "legend_unknown"]].filter(([cell]) => cells.has(cell));
  return entries.map(([, colour, name]) => `<li><svg viewBox="0 0 30 14" aria-hidden="true"><rect width="30" height="14" fill="${colour}" stroke="${palette.soft}"/></svg>${t(name)}</li>`).join("");
}

function listenToWide(current, change) {
  for (const name of CHOICES.tab) $("tab-" + name).addEventListener("click", () => change({ tab: name }));
  $("tabs").addEventListener("keydown", event => {
    if (!["ArrowLeft", "ArrowRight"].includes(event.key)) return;
    event.preventDefault();
    change({ tab: CHOICES.tab.find(name => name !== current().tab) });
    $("tab-" + current().tab).focus();
  });
  for (const name of ["neuron", "init"]) $(name).addEventListener("change", () => change({ [name]: $(name).value }));
  $("hidden").addEventListener("input", () => change({ hidden: DATA.wide.depths[$("hidden").value] }));
  $("at").addEventListener("input", () => change({ at: Number($("at").value) }));
  $("layers").addEventListener("pointermove", event => {
    const { left, width } = $("layers").firstElementChild?.getBoundingClientRect() ?? {};
    const { left: before, right, width: whole_ } = LAYERS, part = ((event.clientX - left) / width * whole_ - before) / (whole_ - before - right);
    if (Number.isFinite(part)) change({ at: 0.5 + part * current().hidden });
  });
  $("save-layers-csv").addEventListener("click", () => download(wideName(current(), "csv"), new Blob([wideCsv(current())], { type: "text/csv" })));
  $("save-layers-png").addEventListener("click", () => pictureOfSvg($("layers").firstElementChild, palette()).then(blob => download(wideName(current(), "png"), blob)));
}

const wideName = ({ neuron, init, hidden }, ending) => `chainderiv-${neuron.replace(/\W+/g, "_")}-${init}-${hidden}.${ending}`;

const DRAWN_BY = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-size", "font-family"];

// a chart as PNG at twice its size, with the colours that the page's style gives it
async function pictureOfSvg(svg, { paper }) {
  const copy = svg.cloneNode(true), { width, height } = svg.viewBox.baseVal, canvas = document.createElement("canvas"), image = new Image();
  const inside = one => [one, ...one.querySelectorAll("*")], copies = inside(copy);
  inside(svg).forEach((one, k) => {
    const style = getComputedStyle(one);
    for (const name of DRAWN_BY) copies[k].style.setProperty(name, style.getPropertyValue(name));
  });
  [copy.style.maxWidth, copy.style.fontSize] = ["none", "12px"];
  copy.setAttribute("width", 2 * width);
  copy.setAttribute("height", 2 * height);
  [canvas.width, canvas.height] = [2 * width, 2 * height];
  image.src = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" }));
  await image.decode();
  const g = canvas.getContext("2d");
  g.fillStyle = paper;
  g.fillRect(0, 0, canvas.width, canvas.height);
  g.drawImage(image, 0, 0);
  URL.revokeObjectURL(image.src);
  return new Promise(done => canvas.toBlob(done));
}
