// Wide layers: what was predicted and measured of a network, in powers of ten.

// of the start that is chosen: σ, χ₁, and by layer the predicted points and every seed's norm
function wideAt({ neuron, init, hidden }) {
  const { starts } = DATA.wide.neurons[neuron], found = starts[init], [parts] = DATA.wide.parts;
  if (found.refused) return { refused: found.refused };
  const tens = row => row.map(v => (v === null ? NaN : v / parts));
  const points = found.predicted[hidden];
  return {
    sigma: found.sigma, chi: found.chi_1, doubts: found.doubts[hidden],
    predicted: points && points.map(tens), measured: found.measured[hidden].map(tens),
  };
}

// how many of the measured norms lie in the band, and how many there are
function inBand({ predicted, measured }) {
  const norms = measured.flatMap(row => row.map((v, k) => v >= predicted[0][k] && v <= predicted[2][k]));
  return { inside: norms.filter(Boolean).length, of: norms.length };
}

// the mean over the seeds of log₁₀ of the first layer's norm over the last one's
const measuredFall = ({ measured }) => measured.reduce((sum, row) => sum + row[0] - row.at(-1), 0) / measured.length;

const powerOf = (v, digits = 3) => toldLog({ sign: 1, log: v * Math.LN10 }, digits);

function wideSummary(found, state) {
  const said = [];
  if (found.chi !== null) {
    const phase = found.chi > 1 + DATA.wide.told ? "exploding" : found.chi < 1 - DATA.wide.told ? "vanishing" : "critical";
    said.push(t("wide_" + phase, { chi: told(found.chi), root: told(Math.sqrt(found.chi)) }));
  }
  if (state.hidden > 1) {
    const [, median] = found.predicted ?? [];
    const fall = median ? t("predicted_fall", { fall: powerOf(median[0] - median.at(-1)) }) : "";
    said.push(t("wide_fall", { layers: state.hidden, fall, measured: powerOf(measuredFall(found)) }));
  }
  if (found.predicted) said.push(t("wide_band", inBand(found)));
  return said.join(" ");
}

function layerReadout(found, { at }) {
  const k = at - 1, norms = found.measured.map(row => row[k]).filter(Number.isFinite);
  const measured = norms.length ? t("layer_measured", { low: powerOf(Math.min(...norms)), high: powerOf(Math.max(...norms)) }) : "";
  const [low, median, high] = (found.predicted ?? []).map(row => powerOf(row[k]));
  const predicted = found.predicted ? t("layer_predicted", { low, median, high }) : t("layer_unpredicted");
  return `${t("layer_at", { at })}<br>${predicted}<br>${measured}`;
}

function wideCommand({ neuron, init, hidden }) {
  const { sizes, width, data, folder, cost } = DATA.wide, there = folder === null ? "" : ` --data ${quoted(folder)}`, layers = [sizes[0], ...Array(hidden).fill(width), sizes[1]];
  return `chainderiv predict --layers ${layers.join(",")} --dataset ${quoted(data)}${there} --activation ${quoted(DATA.wide.texts[neuron] ?? neuron)} --cost ${cost} --init ${init}`;
}

function wideSnippet({ neuron, init, hidden }) {
  const { sizes, width, data, folder, cost, images } = DATA.wide, phi = pythonNeuron(neuron, DATA.wide.texts[neuron] ?? null);
  const network = `[${sizes[0]}, *[${width}] * ${hidden}, ${sizes[1]}], ${phi}, "${cost}", init="${init}"`;
  return [
    "import chainderiv as cd", `data = cd.load_data(${[data, ...(folder === null ? [] : [folder])].map(python).join(", ")})`, `cd.predict(${network}, data=data).log_points`,
    `net = cd.Network(${network}, rng=0)`, `measured = data.train.first(${images})`,
    "[g.norm().log10 for g in net.log_mean_bias_gradients(measured.images, measured.labels)[:-1]]",
  ].join("\n");
}

function wideCsv(state) {
  const found = wideAt(state), cell = v => (Number.isFinite(v) ? String(v) : "");
  const names = ["layer", "predicted_5", "predicted_50", "predicted_95", ...found.measured.map((_, seed) => `seed_${seed}`)];
  const rows = found.measured[0].map((_, k) => [k + 1, ...[0, 1, 2].map(p => cell(found.predicted?.[p][k])), ...found.measured.map(row => cell(row[k]))]);
  return [names, ...rows].map(row => row.join(",")).join("\n") + "\n";
}
