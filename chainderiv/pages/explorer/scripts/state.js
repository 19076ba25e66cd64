// The state of the page: what is shown, as it is read from the address and written to it.

const START = {
  activation: "sigmoid", cost: "quadratic", residual: false, depth: 4, of: "b", layer: 1,
  quantity: "gradient", second: "b", w: [-12, 12], up: [-10, 10], x: 0.5, y: 0,
  point: [6, -3], cut: null, engine: "auto", language: "auto", theme: "auto", preset: "",
  tab: "chain", neuron: "sigmoid", init: "nielsen", hidden: 4, at: 1,
};
const CHOICES = {
  of: ["b", "w", "a", "x"], quantity: ["gradient", "rate", "regime", "below_quarter"], second: ["b", "z"],
  engine: ["auto", "javascript"], language: ["auto", "en", "zh"], theme: ["auto", "light", "dark"],
  tab: ["chain", "wide"],
};
const DEEPEST = 200, FARTHEST = 1e6;

// a state that the page can show: what is out of range is moved into it, and what is no number is the start's
function settled(given) {
  const state = { ...START, ...given };
  const known = DATA.programs.neurons;
  if (!Object.hasOwn(known, state.activation)) state.activation = DATA.first;
  const costs = known[state.activation].bodies;
  if (!Object.hasOwn(costs, state.cost)) state.cost = "quadratic";
  const kinds = costs[state.cost];
  state.residual = Boolean(state.residual) && Object.hasOwn(kinds, "residual");
  state.depth = whole(state.depth, 1, DEEPEST, START.depth);
  state.layer = whole(state.layer, 1, state.depth, 1);
  for (const [name, values] of Object.entries(CHOICES)) {
    if (!values.includes(state[name])) state[name] = START[name];
  }
  if (state.depth === 1 && state.quantity !== "gradient") state.quantity = "gradient";
  for (const name of ["w", "up"]) state[name] = range(state[name], START[name]);
  for (const name of ["x", "y"]) state[name] = within(state[name], -FARTHEST, FARTHEST, START[name]);
  state.point = [within(state.point[0], ...state.w, middle(state.w)), within(state.point[1], ...state.up, middle(state.up))];
  if (state.cut && !state.cut.every(Number.isFinite)) state.cut = null;
  return { ...state, ...settledWide(state) };
}

// a network that was measured: of the depths the nearest
function settledWide({ neuron, init, hidden, at }) {
  const { neurons, depths } = DATA.wide, known = Object.hasOwn(neurons, neuron) ? neuron : Object.keys(neurons)[0];
  const near = within(hidden, depths[0], depths.at(-1), START.hidden);
  const depth = depths.reduce((best, one) => (Math.abs(one - near) < Math.abs(best - near) ? one : best));
  const start = Object.hasOwn(neurons[known].starts, init) ? init : START.init;
  return { neuron: known, init: start, hidden: depth, at: whole(at, 1, depth, 1) };
}

const middle = ([low, high]) => (low + high) / 2;

function within(value, low, high, otherwise) {
  return Number.isFinite(value) ? Math.min(Math.max(value, low), high) : otherwise;
}

function whole(value, low, high, otherwise) {
  return Math.round(within(value, low, high, otherwise));
}

function range(pair, otherwise) {
  const [low, high] = pair.map(v => within(v, -FARTHEST, FARTHEST, NaN));
  return high > low ? [low, high] : otherwise;
}

// "#depth=20&w=-4,4": what differs from the start
function toHash(state) {
  const said = Object.keys(START).filter(name => String(state[name]) !== String(START[name]));
  return said.length ? "#" + said.map(name => name + "=" + encodeURIComponent(String(state[name]))).join("&") : "";
}

function fromHash(hash) {
  const given = {};
  for (const [name, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!Object.hasOwn(START, name)) continue;
    if (["w", "up", "point", "cut"].includes(name)) {
      const numbers = text.split(",").map(Number);
      if (numbers.length === (name === "cut" ? 4 : 2)) given[name] = numbers;
    } else if (typeof START[name] === "number") given[name] = text.trim() ? Number(text) : NaN;
    else given[name] = typeof START[name] === "boolean" ? text === "true" : text;
  }
  return settled(given);
}
