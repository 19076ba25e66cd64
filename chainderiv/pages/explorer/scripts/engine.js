// Numbers that are read: float64, by the programs that the package has printed.

const compiled = new Map();

// helpers, a neuron's functions and what is given behind them
function source(language, activation, rest) {
  const { helpers, own } = DATA.programs.neurons[activation][language];
  return [...helpers.map(k => DATA.programs.helpers[language][k]), own, rest].join("\n");
}

// the statements of a walk through the layers; they leave s, total, links and largest
function walk(language, state, kind) {
  const step = DATA.programs.neurons[state.activation][language].steps[state.residual ? 1 : 0];
  return DATA.programs.bodies[language][bodyNumber(state, kind)].replace("{{step}}", () => step);
}

function made(key, text) {
  if (!compiled.has(key)) compiled.set(key, new Function('"use strict";\n' + text())());
  return compiled.get(key);
}

function bodyNumber(state, kind) {
  return DATA.programs.neurons[state.activation].bodies[state.cost][state.residual ? "residual" : "plain"][kind];
}

// read(w, b, x, y, depth, start, pinned) gives [sign, natural logarithm, sum and largest of the links' logarithms];
// row(field, first, ws, b, x, …) puts those of many w into a field, without an array for each
function reader(state, kind) {
  const text = () => {
    const given = "b, x, y, depth, start, pinned) {\n", walked = walk("javascript", state, kind);
    return "function read(w, " + given + walked + "\nreturn [s, total, links, largest];\n}\n" +
      "function row(field, first, ws, " + given + "for (let i = 0; i < ws.length; i++) {\nconst w = ws[i], at = first + i;\n" + walked +
      "\nfield.log[at] = total, field.links[at] = links, field.largest[at] = largest;\n}\n}\nreturn { read, row };";
  };
  return made(programKey(state, kind), () => source("javascript", state.activation, text()));
}

const programKey = (state, kind) => [state.activation, state.residual, bodyNumber(state, kind)].join(" ");

function neuron(state) {
  const names = "value, derivative, derivative_sign, log_abs_derivative, value_sign, log_abs_value";
  return made(state.activation, () => source("javascript", state.activation, "return { " + names + " };"));
}

// which program a gradient has, and the first layer that its parameter acts on
function kindOf({ of, layer, depth }) {
  if (of === "w") return [layer === 1 ? "first" : "w", layer];
  if (of === "a") return [layer === depth ? "end" : "a", layer + 1];
  return of === "x" ? ["a", 1] : ["b", layer];
}

function valueAt(state, kind, start, w, up) {
  return reader(state, kind).read(w, up, state.x, state.y, state.depth, start, state.second === "z");
}

// the gradient and its links at a point of the map; rate is NaN where there is no link
function reading(state, w, up) {
  const [sign, log, links, largest] = valueAt(state, ...kindOf(state), w, up);
  return { sign: Number.isNaN(log) ? NaN : sign, log, rate: state.depth > 1 ? links / (state.depth - 1) : NaN, largest };
}

function regimeOf(rate) {
  if (Number.isNaN(rate)) return "undefined";
  return rate < -DATA.band ? "vanishing" : rate > DATA.band ? "exploding" : "stable";
}

// a_0 … a_L and z_1 … z_L
function orbit(state, w, up) {
  const { value } = neuron(state), a = [state.x], z = [NaN];
  for (let layer = 1; layer <= state.depth; layer++) {
    z.push(state.second === "z" ? up : w * a[layer - 1] + up);
    a.push((state.residual ? a[layer - 1] : 0) + value(z[layer]));
  }
  return { a, z };
}
