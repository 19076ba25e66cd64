// Charts of wide layers: norm against layer, and every depth against every layer.

const LAYERS = { width: 640, height: 330, left: 66, right: 12, top: 12, bottom: 44 };
const DEPTHS = { width: 640, height: 262, left: 40, right: 66, top: 8, bottom: 44 };

// round norms between two powers of ten, as powers of ten: whole ones where there are many, else 1, 2 and 5, or every digit
function normMarks(low, high) {
  if (high - low > 2.5) return ticks(low, high, 6).filter(Number.isInteger);
  const leads = high - low > 0.7 ? [1, 2, 5] : high - low > 0.25 ? [1, 1.5, 2, 3, 4, 5, 6, 8] : Array.from({ length: 45 }, (_, k) => 1 + k / 5);
  const powers = Array.from({ length: Math.ceil(high) - Math.floor(low) + 1 }, (_, k) => Math.floor(low) + k);
  return powers.flatMap(power => leads.map(lead => power + Math.log10(lead))).filter(v => v >= low && v <= high);
}

const markOf = v => powerOf(v, 2).replace(/^1·/, "");
const finiteOf = rows => rows.flat().filter(Number.isFinite);

function drawLayers(place, found, state) {
  const finite = finiteOf([...found.measured, ...(found.predicted ?? [])]);
  if (!finite.length) {
    place.textContent = t("wide_nothing");
    return;
  }
  const low = Math.min(...finite), high = Math.max(...finite), room = 0.05 * (high - low) || 0.5;
  const box = frame([0.5, state.hidden + 0.5], [low - room, high + room], LAYERS, markOf, normMarks);
  const inner = bandOf(found, box) + seedsOf(found, box, state) + medianOf(found, box);
  const at = `<path class="at" d="M${box.x(state.at)} ${LAYERS.top}V${LAYERS.height - LAYERS.bottom}"/>`;
  const label = t("layers_label", { ...state, low: powerOf(low), high: powerOf(high) });
  place.innerHTML = chart(label, box.axis + at + inner + layerAxis(box.x, state.hidden, LAYERS), LAYERS);
}

const pathOf = (row, { x, y }) => row.map((v, k) => `${x(k + 1).toFixed(1)} ${y(v).toFixed(1)}`).join("L");

function bandOf({ predicted }, box) {
  if (!predicted) return "";
  const [low, , high] = predicted;
  if (low.length > 1) return `<path class="band" d="M${pathOf(high, box)}L${low.map((v, k) => `${box.x(k + 1).toFixed(1)} ${box.y(v).toFixed(1)}`).reverse().join("L")}Z"/>`;
  return `<rect class="band" x="${box.x(1) - 30}" width="60" y="${box.y(high[0])}" height="${box.y(low[0]) - box.y(high[0])}"/>`;
}

function medianOf({ predicted }, box) {
  if (!predicted) return "";
  const [, median] = predicted;
  return `<path class="line" d="M${median.length > 1 ? pathOf(median, box) : `${box.x(1) - 30} ${box.y(median[0])}h60`}"/>`;
}

function seedsOf({ measured }, box, { hidden }) {
  const radius = hidden > 8 ? 2 : 3;
  return measured.map((row, seed) => {
    const dots = row.map((v, k) => (Number.isFinite(v) ? `<circle class="dot" cx="${box.x(k + 1).toFixed(1)}" cy="${box.y(v).toFixed(1)}" r="${radius}"><title>${t("seed_at", { seed, layer: k + 1, norm: powerOf(v) })}</title></circle>` : ""));
    return (row.every(Number.isFinite) ? `<path class="seed" d="M${pathOf(row, box)}"/>` : "") + dots.join("");
  }).join("");
}

function layerAxis(x, last, { height, bottom, width, left, right }) {
  const below = height - bottom, marks = last < 12 ? Array.from({ length: last }, (_, k) => k + 1) : [1, ...ticks(4, last, 9)];
  const numbers = marks.map(v => `<path class="axis" d="M${x(v)} ${below}v4"/>` + text(x(v), below + 17, v, "middle"));
  return `<path class="axis" d="M${left} ${below}H${width - right}"/>` + numbers.join("") + text((left + width - right) / 2, height - 8, t("hidden_axis"), "middle");
}

// each depth a row, each layer a cell, in the colours of the map
function drawDepths(place, state, palette, choose) {
  const rows = DATA.wide.depths.map(hidden => ({ hidden, ...wideAt({ ...state, hidden }) }));
  const finite = finiteOf(rows.map(({ predicted }) => predicted?.[1] ?? []));
  if (!finite.length) {
    place.textContent = t("depths_nothing");
    return;
  }
  const ends = { low: Math.min(...finite), high: Math.max(...finite) }, part = scale(ends), shades = ramp(palette.diverging);
  const colour = v => css(shadeOf(shades, part(v))), most = DATA.wide.depths.at(-1);
  const { left, right, top, bottom, width, height } = DEPTHS, thick = (width - left - right) / most, tall = (height - top - bottom) / rows.length;
  const drawn = rows.map(({ hidden, predicted }, row) => {
    const y = top + row * tall, cells = (predicted?.[1] ?? []).map((v, k) =>
      `<rect x="${left + k * thick}" y="${y}" width="${thick - 1}" height="${tall - 3}" fill="${colour(v)}" class="edged"><title>${t("cell_at", { hidden, layer: k + 1, norm: powerOf(v) })}</title></rect>`);
    const chosen = hidden === state.hidden ? `<rect class="chosen" x="${left - 1}" y="${y - 1}" width="${hidden * thick + 1}" height="${tall - 1}"/>` : "";
    const ground = `<rect fill="transparent" x="${left}" y="${y}" width="${hidden * thick}" height="${tall}"/>`; // takes clicks between cells
    return `<g class="cell" data-hidden="${hidden}">${ground}${cells.join("")}${chosen}</g>` + text(left - 7, y + tall / 2 + 3, hidden, "end");
  });
  const x = layer => left + (layer - 0.5) * thick;
  place.innerHTML = chart(t("depths_label", { ...state, low: powerOf(ends.low), high: powerOf(ends.high) }), drawn.join("") + bar(ends, part, shades) + layerAxis(x, most, DEPTHS), DEPTHS);
  for (const group of place.querySelectorAll("[data-hidden]")) group.addEventListener("click", () => choose({ hidden: Number(group.dataset.hidden) }));
}

// the bar of colours beside a chart
function bar(ends, part, shades, box = DEPTHS) {
  const from = part(Math.min(ends.low, 0)), to = part(Math.max(ends.high, 0)), tall = box.height - box.top - box.bottom;
  const left = box.width - box.right + 12, y = p => box.top + tall * (1 - (p - from) / (to - from || 1)), pieces = 64;
  const steps = Array.from({ length: pieces }, (_, k) => {
    const p = from + ((to - from) * (k + 0.5)) / pieces;
    return `<rect shape-rendering="crispEdges" x="${left}" width="10" y="${y(p) - tall / pieces / 2}" height="${tall / pieces + 0.6}" fill="${css(shadeOf(shades, p))}"/>`;
  });
  const kept = [];
  for (const v of [0, ...normMarks(Math.min(ends.low, 0), Math.max(ends.high, 0))]) if (kept.every(other => Math.abs(y(part(other)) - y(part(v))) >= 17)) kept.push(v);
  const marks = kept.map(v => text(left + 14, y(part(v)) + 4, markOf(v), "start"));
  return steps.join("") + marks.join("");
}
