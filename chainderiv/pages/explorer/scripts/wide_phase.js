// The phase diagram of wide layers, with the initialisations where they lie.

const PHASE = { width: 560, height: 400, left: 50, right: 66, top: 10, bottom: 46 };
const ABOVE = 15, LETTER = 3.6; // pixels between the names at one place; half of a letter's width

function drawPhase(place, state, palette, choose) {
  const { starts, phase } = DATA.wide.neurons[state.neuron], { sigma_w: across, sigma_b: up } = DATA.wide.axes;
  const spread = ({ start, stop, log }) => (log ? [Math.log(start), Math.log(stop)] : [start, stop]);
  const [w0, w1] = spread(across), [b0, b1] = spread(up), box = frame([w0, w1], [b0, b1], PHASE);
  const x = w => box.x(across.log ? Math.log(w) : w), y = b => box.y(up.log ? Math.log(b) : b);
  const line = phase.line.map(piece => `<path class="critical" d="M${piece.map(([w, b]) => `${x(w).toFixed(1)} ${y(b).toFixed(1)}`).join("L")}"/>`);
  const inner = cellsOf(phase.chi_1, across, up, palette) + box.axis + line.join("") + phaseAxes(x, across) + marksOf(starts, x, y, state);
  place.innerHTML = chart(t("phase_label", { neuron: state.neuron, starts: placesOf(starts).map(one => one.names.join(", ") + one.told).join("; ") }), inner, PHASE);
  for (const mark of place.querySelectorAll("[data-init]")) mark.addEventListener("click", () => choose({ init: mark.dataset.init }));
}

function cellsOf(rows, across, up, palette) {
  const parts = DATA.wide.parts[1], finite = finiteOf(rows).map(v => v / parts), ends = { low: Math.min(...finite), high: Math.max(...finite) };
  const part = scale(ends), shades = ramp(palette.diverging), { left, right, top, bottom, width, height } = PHASE;
  const wide = (width - left - right) / (across.count - 1), tall = (height - top - bottom) / (up.count - 1);
  // a cell is about its point, and those at the edges are cut by it
  const cells = rows.flatMap((row, k) => row.map((v, i) => {
    const from = left + Math.max(i - 0.5, 0) * wide, to = left + Math.min(i + 0.5, across.count - 1) * wide;
    const high = height - bottom - Math.min(k + 0.5, up.count - 1) * tall, low = height - bottom - Math.max(k - 0.5, 0) * tall;
    const fill = v === null ? palette.undefined : v === "zero" ? palette.zero : css(shadeOf(shades, part(v / parts)));
    return `<rect x="${from.toFixed(1)}" y="${high.toFixed(1)}" width="${(to - from + 0.4).toFixed(1)}" height="${(low - high + 0.4).toFixed(1)}" fill="${fill}"/>`;
  }));
  return `<g shape-rendering="crispEdges">${cells.join("")}</g>` + bar(ends, part, shades, PHASE);
}

function phaseAxes(x, { start, stop }) {
  const { left, right, bottom, width, height } = PHASE, below = height - bottom, marks = [0.25, 0.5, 1, 2, 4, 8, 16].filter(w => w >= start && w <= stop);
  return `<path class="axis" d="M${left} ${below}H${width - right}"/>` +
    marks.map(w => `<path class="axis" d="M${x(w)} ${below}v4"/>` + text(x(w), below + 18, told(w), "middle")).join("") +
    text((left + width - right) / 2, height - 6, "σ_w", "middle") + text(4, PHASE.top + 12, "σ_b", "start");
}

// the starts by place: many lie at one
function placesOf(starts) {
  const found = [];
  for (const [name, { sigma }] of Object.entries(starts)) {
    if (!sigma) continue;
    const near = found.find(({ sigma: [w, b] }) => Math.abs(w - sigma[0]) < 0.01 * w && Math.abs(b - sigma[1]) < 0.01);
    if (near) near.names.push(name);
    else found.push({ sigma, names: [name], told: ` (σ_w = ${told(sigma[0])}, σ_b = ${told(sigma[1])})` });
  }
  return found;
}

function marksOf(starts, x, y, { init }) {
  const places = placesOf(starts).sort((one, other) => one.sigma[0] - other.sigma[0]), ends = [];
  return places.map(({ sigma: [w, b], names }) => {
    const here = names.includes(init) ? " here" : "", chosen = names[(names.indexOf(init) + 1) % names.length];
    // names stand over their place, and above those of a neighbour that they would meet
    let foot = y(b) - 12;
    const half = LETTER * Math.max(...names.map(name => name.length));
    for (const { right, top, low } of ends) if (x(w) - half < right && foot > top && foot - ABOVE * names.length < low) foot = top;
    ends.push({ right: x(w) + half, top: foot - ABOVE * names.length, low: foot });
    const lines = names.map((name, k) => `<tspan x="${x(w)}" dy="${k ? -ABOVE : 0}">${name}</tspan>`).join("");
    const lead = foot < y(b) - 12 ? `<path class="axis" d="M${x(w)} ${y(b) - 7}V${foot + 3}"/>` : "";
    return `<g data-init="${chosen}">${lead}<circle class="mark${here}" cx="${x(w)}" cy="${y(b)}" r="6"/><text class="halo" x="${x(w)}" y="${foot}" text-anchor="middle">${lines}</text></g>`;
  }).join("");
}
