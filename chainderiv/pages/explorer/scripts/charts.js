// Two small charts: the factors as bars, and the gradient along a cut.

const CHART = { width: 460, height: 170, left: 44, right: 8, top: 10, bottom: 34 };

// a neuron of the user's may have any name
const quotedLabel = label => label.replace(/&/g, "&amp;").replace(/"/g, "&quot;");
const chart = (label, inner, box = CHART) =>
  `<svg class="chart" viewBox="0 0 ${box.width} ${box.height}" role="img" aria-label="${quotedLabel(label)}">${inner}</svg>`;

// one bar a layer: the logarithm of the product of its factors
function groups(found) {
  const made = [];
  for (const factor of found) {
    const last = made.at(-1);
    if (last && last.group === factor.group) last.log += factor.log;
    else made.push({ group: factor.group, log: factor.log });
  }
  return made;
}

function drawBars(place, found) {
  const bars = groups(found).map(({ group, log }) => ({ group, tens: log / Math.LN10 }));
  const finite = bars.map(bar => bar.tens).filter(Number.isFinite);
  const low = Math.min(0, ...finite), high = Math.max(0, ...finite), room = 0.08 * (high - low) || 1;
  const { x, y, axis } = frame([0, bars.length], [low - room, high + room]), thick = x(1) - x(0);
  const rects = bars.map(({ group, tens }, k) => {
    const end = Number.isFinite(tens) ? tens : tens < 0 ? low - room : high + room;
    const top = Math.min(y(end), y(0)), name = group === "end" ? "C" : String(group);
    const gap = Math.min(2, thick / 5);
    return `<rect class="${tens < 0 ? "shrinks" : "grows"}" x="${x(k) + gap / 2}" width="${thick - gap}" y="${top}" ` +
      `height="${Math.max(Math.abs(y(end) - y(0)), 0.5)}"><title>${name}: ${told(tens)}</title></rect>` +
      (thick > 17 || k === 0 || k === bars.length - 1 ? text(x(k + 0.5), CHART.height - 18, name, "middle") : "");
  });
  place.innerHTML = chart(t("bars_label", { count: bars.length }), axis + rects.join("") + text(x(bars.length / 2), CHART.height - 3, t("layer_axis"), "middle"));
}

// places in a box, and its upright axis; written(v) is what stands beside a mark
function frame(across, up, box = CHART, written = told, marked = (low, high) => ticks(low, high, 5)) {
  const { width, height, left, right, top, bottom } = box;
  const x = v => left + ((width - left - right) * (v - across[0])) / (across[1] - across[0]);
  const y = v => height - bottom - ((height - top - bottom) * (v - up[0])) / (up[1] - up[0]);
  const marks = marked(...up).map(v => `<path class="axis" d="M${left - 4} ${y(v)}h4"/>` + text(left - 7, y(v) + 4, written(v), "end"));
  const zero = up[0] < 0 && up[1] > 0 ? `<path class="axis" d="M${left} ${y(0)}H${width - right}"/>` : "";
  return { x, y, axis: `<path class="axis" d="M${left} ${top}V${height - bottom}"/>` + zero + marks.join("") };
}

const text = (x, y, words, anchor) => `<text x="${x}" y="${y}" text-anchor="${anchor}">${words}</text>`;

const POINTS = 301; // along a cut

function cutPoints(state) {
  const [w0, v0, w1, v1] = state.cut;
  return Array.from({ length: POINTS }, (_, k) => {
    const part = k / (POINTS - 1), w = w0 + part * (w1 - w0), up = v0 + part * (v1 - v0);
    return { part, w, up, ...reading(state, w, up) };
  });
}

function drawCutChart(place, state) {
  if (!state.cut) {
    place.innerHTML = "";
    return;
  }
  const tens = cutPoints(state).map(({ log }) => log / Math.LN10), finite = tens.filter(Number.isFinite);
  if (!finite.length) {
    place.textContent = t("cut_nothing");
    return;
  }
  const low = Math.min(...finite), high = Math.max(...finite), room = 0.06 * (high - low) || 1;
  const { x, y, axis } = frame([0, 1], [low - room, high + room]);
  let path = "", pen = "M";
  tens.forEach((v, k) => {
    if (Number.isFinite(v)) path += pen + x(k / (POINTS - 1)).toFixed(1) + " " + y(v).toFixed(1);
    pen = Number.isFinite(v) ? "L" : "M";
  });
  const [w0, v0, w1, v1] = state.cut.map(v => told(v, 3));
  const ends = text(x(0), CHART.height - 16, `w ${w0}, ${state.second} ${v0}`, "start") + text(x(1), CHART.height - 16, `w ${w1}, ${state.second} ${v1}`, "end");
  place.innerHTML = chart(t("cut_label", { low: told(low), high: told(high) }), axis + ends + `<path class="line" d="${path}"/>`);
}
