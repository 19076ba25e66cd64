// Equation (1) as it is for the present chain, each factor with its value beneath it.

const MOST = 11; // factors; of more the middle is left out


function mathml(state, factor) {
  const own = DATA.formulas[state.activation], names = { layer: factor.layer, before: factor.layer - 1, last: state.depth };
  return (own[factor.piece] ?? DATA.shared[factor.piece]).replace(/\{(\w+)\}/g, (as_is, word) => names[word] ?? as_is);
}

const effect = ({ log }) => (log < 0 ? "shrinks" : log > 0 ? "grows" : "");
const ARROWS = { shrinks: "↓ ", grows: "↑ ", "": "" };

function drawFormula(place, state, found, total) {
  const { of, layer } = state;
  const left = { piece: of === "x" ? "of_x" : "of_" + of, layer };
  const shown = found.length > MOST ? [...found.slice(0, 5), null, ...found.slice(-4)] : found;
  const parts = [cell(mathml(state, left), toldLog(total), ""), sign("=")];
  shown.forEach((factor, k) => {
    if (k > 0 && !(factor && shown[k - 1] && factor.group === shown[k - 1].group)) parts.push(sign("·"));
    parts.push(factor ? cell(mathml(state, factor), ARROWS[effect(factor)] + toldLog(factor), effect(factor)) : sign("⋯"));
  });
  place.innerHTML = parts.join("");
}

const cell = (math, amount, kind) =>
  `<span class="factor ${kind}"><span class="piece">${math}</span><span class="amount">${amount}</span></span>`;
const sign = text => `<span class="factor"><span class="piece">${text}</span><span class="amount"></span></span>`;
