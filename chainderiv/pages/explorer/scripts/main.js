// The page: one state, and what is drawn of it. Numbers follow at once, the map as soon as it is drawn.

let state = fromHash(location.hash), scene = null, box = null, sceneKey = "", running = 0, waiting = false, addressed = 0, spoken = "";
const IDLE = 200; // milliseconds
const graphic = graphics(), dark = matchMedia("(prefers-color-scheme: dark)");

const isDark = () => (state.theme === "auto" ? dark.matches : state.theme === "dark");
const palette = () => DATA.palettes[isDark() ? "dark" : "light"];

function change(part) {
  const chain = Object.keys(part).some(name => CHAIN.includes(name));
  state = settled({ ...state, ...(chain && !("preset" in part) ? { preset: "" } : {}), ...part });
  if (chain || "language" in part || "theme" in part) dress();
  if (!waiting) requestAnimationFrame(refresh);
  waiting = true;
}

// words, colours and controls, which the point alone does not change
function dress() {
  document.documentElement.dataset.theme = state.theme;
  if (spoken !== state.language) speak((spoken = state.language));
  showControls(state);
  drawPresets($("presets"), $("sentence"), state, choose);
  $("map-title").textContent = t("map_" + state.quantity, { of: symbolOf(state), second: state.second });
  $("phi").textContent = `φ(z) = ${DATA.formulas[state.activation].phi}.`;
}

function choose(preset) {
  const kept = { language: state.language, theme: state.theme, engine: state.engine };
  change({ ...START, ...preset.state, ...kept, preset: preset.name });
  document.querySelector(`[data-preset="${preset.name}"]`).focus();
}

function refresh() {
  waiting = false;
  const at = reading(state, ...state.point), found = factors(state, ...state.point);
  showSliders(state);
  drawFormula($("formula"), state, found, at);
  $("field").setAttribute("aria-label", showReadout($("readout"), state, at));
  drawBars($("bars"), found);
  drawCutChart($("cut"), state);
  $("command").textContent = commandOf(state);
  $("snippet").textContent = snippetOf(state);
  clearTimeout(addressed);
  addressed = setTimeout(keepAddress, IDLE);
  box = layout($("map"), $("field").clientWidth);
  const key = chainKey(state) + isDark();
  if (key !== sceneKey) drawMap(key);
  else redraw();
}

// browsers bear no more than some ten changes of the address a second
function keepAddress() {
  history.replaceState(null, "", toHash(state) || location.pathname + location.search);
}

// a new map; what is left of an older one is given up
function drawMap(key) {
  sceneKey = key;
  const mine = ++running, coming = scenes(state, state.engine === "javascript" ? null : graphic, palette());
  const next = () => {
    if (mine !== running) return;
    const better = coming.next().value;
    if (better) scene = better;
    if (better) redraw();
    document.documentElement.dataset.drawn = better?.whole ? better.drawn.by : "";
    if (better?.whole) tell();
    else setTimeout(next, 0);
  };
  next();
}

function redraw() {
  if (!scene) return;
  drawPlot($("map"), box, state, scene, palette());
  $("legend").innerHTML = legendOf(state, scene, palette());
  $("summary").textContent = summaryOf(state, scene);
}

function tell() {
  const { by, ms } = scene.drawn;
  $("drawn").textContent = t("drawn_" + by, { ms: ms.toFixed(0) });
  $("drawn").dataset.ms = ms;
}

const fileName = ending => `chainderiv-${state.activation.replace(/\W+/g, "_")}-${state.depth}.${ending}`;

listen(() => state, change);
listenToMap($("field"), () => box, () => state, change);
$("save-png").addEventListener("click", () => {
  pictureOf($("map"), state, palette(), $("map-title").textContent).toBlob(blob => download(fileName("png"), blob));
});
$("save-csv").addEventListener("click", () => download(fileName("csv"), new Blob([csvOf(state)], { type: "text/csv" })));
$("copy-link").addEventListener("click", async () => {
  keepAddress();
  try {
    await navigator.clipboard.writeText(location.href);
    $("copy-link").textContent = t("copied");
  } catch {  // a browser that keeps its clipboard to itself
    $("copy-link").textContent = t("not_copied");
  }
});
// the address that came, which keepAddress may have replaced since
window.addEventListener("hashchange", event => change(fromHash(new URL(event.newURL).hash)));
window.addEventListener("resize", () => change({}));
dark.addEventListener("change", () => change({ theme: state.theme }));
dress();
refresh();
