// The command line and the Python lines that give the same map, and the files that keep it.

const parameter = ({ of, layer }) => (of === "x" ? "x" : of + layer);
const axisText = ([low, high]) => `${low}:${high}:${SIZE}`;
const quoted = text => (/^[\w.,:=+-]+$/.test(text) ? text : "'" + text.replace(/'/g, "'\\''") + "'");

function commandOf(state) {
  const words = ["chainderiv map", "--depth " + state.depth, "--activation " + quoted(DATA.neurons[state.activation].text ?? state.activation), "--cost " + state.cost];
  if (state.residual) words.push("--residual");
  words.push(`--w ${axisText(state.w)}`, `--${state.second} ${axisText(state.up)}`, "--x " + state.x, "--y " + state.y);
  words.push("--wrt " + parameter(state), "--quantity " + state.quantity, "--out map.png");
  return words.join(" ");
}

const python = v => JSON.stringify(v);

// a neuron by its name, or by its formula where it has one
const pythonNeuron = (name, text) => (text === null ? python(name) : `cd.Activation.from_formula(${python(name)}, ${python(text)})`);

function snippetOf(state) {
  const neuron = pythonNeuron(state.activation, DATA.neurons[state.activation].text);
  const shown = { gradient: "log10_abs", rate: "rate", regime: "regime", below_quarter: "below_quarter" }[state.quantity];
  const axis = ([low, high]) => `cd.Axis(${low}, ${high}, ${SIZE})`;
  return [
    "import chainderiv as cd",
    `chain = cd.Chain(${state.depth}, ${neuron}, ${python(state.cost)}${state.residual ? ", residual=True" : ""})`,
    `s = cd.sweep(chain, w=${axis(state.w)}, ${state.second}=${axis(state.up)}, x=${state.x}, y=${state.y}, wrt="${parameter(state)}")`,
    `s.${shown}`,
    `cd.evaluate(chain, ${state.point[0]}, ${state.second === "b" ? state.point[1] : `z=${state.point[1]}`}, x=${state.x}, y=${state.y}, wrt="${parameter(state)}")`,
  ].join("\n");
}

// every point of the map, as sweep(…).to_csv writes it, worked out in 64 bits
function csvOf(state) {
  const names = ["w", state.second, "sign", "log_abs", "log10_abs", "rate", "regime", "below_quarter"], lines = [names.join(",")];
  const links = state.depth > 1, cell = v => (Number.isNaN(v) ? "" : v === Infinity ? "inf" : v === -Infinity ? "-inf" : String(v));
  for (let i = 0; i < SIZE; i++) {
    for (let j = 0; j < SIZE; j++) {
      const w = along(state.w, i, SIZE), up = along(state.up, j, SIZE), { sign, log, rate, largest } = reading(state, w, up);
      const of = links ? [cell(rate), regimeOf(rate)] : ["", ""];
      lines.push([w, up, cell(sign), cell(log), cell(log / Math.LN10), ...of, largest < DATA.log_quarter ? "True" : "False"].join(","));
    }
  }
  return lines.join("\n") + "\n";
}

// the canvas below its title and what it is of, and above the command that gives the same
function pictureOf(canvas, state, palette, title) {
  const ratio = canvas.width / canvas.clientWidth, picture = document.createElement("canvas"), g = picture.getContext("2d");
  const above = 50 * ratio, lines = wrapped(commandOf(state), Math.floor(canvas.clientWidth / 6.7)), line = 15 * ratio;
  picture.width = canvas.width;
  picture.height = canvas.height + above + (lines.length + 1) * line;
  g.fillStyle = palette.paper;
  g.fillRect(0, 0, picture.width, picture.height);
  g.drawImage(canvas, 0, above);
  g.fillStyle = palette.ink;
  g.font = `bold ${15 * ratio}px system-ui, sans-serif`;
  g.fillText(title, 12 * ratio, 22 * ratio);
  g.fillStyle = palette.soft;
  g.font = `${13 * ratio}px system-ui, sans-serif`;
  const kind = state.residual ? `, ${t("residual_short")}` : "";
  g.fillText(`${state.activation}, ${t("depth")} ${state.depth}, ${t("cost_" + state.cost)}${kind}, x = ${state.x}, y = ${state.y}`, 12 * ratio, 41 * ratio);
  g.font = `${11 * ratio}px ui-monospace, monospace`;
  lines.forEach((words, k) => g.fillText(words, 12 * ratio, above + canvas.height + (k + 0.8) * line));
  return picture;
}

// a text in lines of so many letters at the most, broken at spaces
function wrapped(text, most) {
  const lines = [""];
  for (const word of text.split(" ")) {
    if (lines.at(-1) && lines.at(-1).length + word.length >= most) lines.push("");
    lines.push(lines.pop() + word + " ");
  }
  return lines;
}

function download(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
