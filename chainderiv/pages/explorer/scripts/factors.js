// The factors of equation (1) and their values, in order; their product is the gradient.

const ofNumber = v => ({ sign: Math.sign(v), log: Math.log(Math.abs(v)) });

// each { piece, layer, group, sign, log }: its formula's name, and the layer whose link it belongs to
function factors(state, w, up) {
  const { a, z } = orbit(state, w, up), phi = neuron(state), { depth, of } = state;
  const [, start] = kindOf(state), first = of === "a" || of === "x" ? start - 1 : start;
  const prime = layer => ({ sign: Math.sign(phi.derivative_sign(z[layer])), log: phi.log_abs_derivative(z[layer]) });
  const found = [];
  const add = (piece, layer, group, value) => found.push({ piece, layer, group, ...value });
  if (of === "w") add(first > 1 ? "input" : "x", first, first, before(state, phi, a, z, first));
  if (of === "b" || of === "w") add("prime", first, first, prime(first));
  for (let layer = first + 1; layer <= depth; layer++) {
    if (state.residual) add("link", layer, layer, onePlus(w * phi.derivative(z[layer])));
    else {
      add("weight", layer, layer, ofNumber(w));
      add("prime", layer, layer, prime(layer));
    }
  }
  return ended(state, found, w, up);
}

// ∂C/∂a_L at the end, or what is left of it and of φ'(z_L) where the cost cancels that
function ended(state, found, w, up) {
  const cancels = DATA.cancels[state.activation][state.cost] && !state.residual && found.at(-1)?.piece === "prime";
  if (cancels) found.pop();
  const [sign, log] = cancels
    ? valueAt(state, "b", state.depth, w, up)
    : valueAt(state, "end", state.depth + 1, w, up);
  found.push({ piece: cancels ? "rest" : "slope", layer: state.depth, group: "end", sign, log });
  return found;
}

// a_(k-1), which stands before the first φ' of a weight
function before(state, phi, a, z, layer) {
  if (layer === 1 || state.residual) return ofNumber(a[layer - 1]);
  return { sign: Math.sign(phi.value_sign(z[layer - 1])), log: phi.log_abs_value(z[layer - 1]) };
}

function onePlus(m) {
  return { sign: Math.sign(1 + m), log: m > -0.5 ? Math.log1p(m) : Math.log(Math.abs(1 + m)) };
}
