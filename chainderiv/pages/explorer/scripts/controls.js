// The controls: what they offer, what they show of the state, and what they change in it.

const $ = id => document.getElementById(id);

function fill(select, values, words) {
  select.replaceChildren(...values.map(value => new Option(words(value), value)));
}

function showControls(state) {
  const costs = Object.keys(DATA.costs), allowed = DATA.programs.neurons[state.activation].bodies;
  fill($("activation"), Object.keys(DATA.programs.neurons), name => name);
  fill($("cost"), costs, name => t("cost_" + name));
  for (const option of $("cost").options) option.disabled = !(allowed[option.value] ?? {})[state.residual ? "residual" : "plain"];
  for (const name of ["of", "quantity", "second", "engine"]) fill($(name), CHOICES[name], value => t(name + "_" + value));
  for (const option of $("quantity").options) option.disabled = state.depth === 1 && option.value !== "gradient";
  for (const name of ["activation", "cost", "of", "quantity", "second", "engine", "language", "theme"]) {
    $(name).value = name === "language" ? language : state[name];
  }
  $("residual").checked = state.residual;
  $("layer").max = state.depth;
  $("layer").disabled = state.of === "x";
  const numbers = { layer: state.layer, x: state.x, y: state.y, "w-low": state.w[0], "w-high": state.w[1], "up-low": state.up[0], "up-high": state.up[1] };
  for (const [id, value] of Object.entries(numbers)) if (document.activeElement !== $(id)) $(id).value = value;
  $("up-low-name").textContent = t("up_low", state);
  $("up-high-name").textContent = t("up_high", state);
  $("refusal").textContent = [...$("cost").options].some(option => option.disabled) ? t("refused_cost") : "";
  showSliders(state);
}

function showSliders(state) {
  const slide = (id, value, [low, high], words) => {
    const input = $(id);
    [input.min, input.max, input.value] = [low, high, value];
    input.setAttribute("aria-valuetext", words);
    $(id + "-value").textContent = words;
  };
  $("point-w-name").textContent = "w";
  $("point-up-name").textContent = state.second;
  slide("point-w", state.point[0], state.w, told(state.point[0]));
  slide("point-up", state.point[1], state.up, told(state.point[1]));
  slide("depth", state.depth, [1, DEEPEST], String(state.depth));
  $("cut-w").textContent = t("cut_w");
  $("cut-up").textContent = t("cut_up", state);
  $("cut-none").disabled = !state.cut;
}

// change(part of a state) is called with what a control asks for
function listen(current, change) {
  for (const name of ["activation", "cost", "of", "quantity", "second", "engine", "language", "theme"]) {
    $(name).addEventListener("change", () => change({ [name]: $(name).value, ...besides(name, $(name).value, current()) }));
  }
  $("residual").addEventListener("change", () => change({ residual: $("residual").checked, ...($("residual").checked ? { cost: "quadratic" } : {}) }));
  $("depth").addEventListener("input", () => change({ depth: Number($("depth").value) }));
  for (const id of ["layer", "x", "y"]) $(id).addEventListener("change", () => change({ [id]: $(id).valueAsNumber }));
  for (const name of ["w", "up"]) {
    for (const end of ["low", "high"]) {
      $(name + "-" + end).addEventListener("change", () => change({ [name]: [$(name + "-low").valueAsNumber, $(name + "-high").valueAsNumber] }));
    }
  }
  $("point-w").addEventListener("input", () => change({ point: [Number($("point-w").value), current().point[1]] }));
  $("point-up").addEventListener("input", () => change({ point: [current().point[0], Number($("point-up").value)] }));
  $("cut-w").addEventListener("click", () => change({ cut: [current().w[0], current().point[1], current().w[1], current().point[1]] }));
  $("cut-up").addEventListener("click", () => change({ cut: [current().point[0], current().up[0], current().point[0], current().up[1]] }));
  $("cut-none").addEventListener("click", () => change({ cut: null }));
}

// what a choice brings with it: cross-entropy takes no residual sum
function besides(name, value, state) {
  if (name === "cost" && state.residual) {
    const kinds = DATA.programs.neurons[state.activation].bodies[value] ?? {};
    return kinds.residual ? {} : { residual: false };
  }
  return name === "second" ? { cut: null } : {};
}
