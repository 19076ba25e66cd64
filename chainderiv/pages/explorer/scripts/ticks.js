// Round numbers along an axis, and numbers as they are written.

function ticks(low, high, most) {
  const rough = (high - low) / Math.max(most, 1), power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(k => k * power).find(k => k >= rough * 0.999), found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) found.push(Number((k * step).toPrecision(12)));
  return found;
}

// round numbers on the bar of colours, the largest first, as far apart as their letters need
function barTicks({ low, high }, place, apart) {
  const kept = [];
  const rounds = [0];
  for (let power = 9; power >= -1; power--) for (const k of [3, 1]) rounds.push(-k * 10 ** power, k * 10 ** power);
  for (const v of rounds.map(r => Number(r.toPrecision(1)))) {
    if (v < Math.min(low, 0) || v > Math.max(high, 0)) continue;
    if (kept.every(other => Math.abs(place(other) - place(v)) >= apart)) kept.push(v);
  }
  return kept;
}

const minus = text => text.replace(/-/g, "−");
const told = (v, digits = 4) => (Number.isNaN(v) ? "–" : minus(String(Number(v.toPrecision(digits))).replace("Infinity", "∞")));
const RAISED = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };
const LOWERED = "₀₁₂₃₄₅₆₇₈₉";
const raised = n => String(n).replace(/./g, c => RAISED[c]);
const lowered = n => String(n).replace(/[0-9]/g, c => LOWERED[c]);

// a sign and a logarithm as a number, whatever its size
function toldLog({ sign, log }, digits = 4) {
  if (log === -Infinity || sign === 0) return "0";
  if (Number.isNaN(log) || log === Infinity) return "–";
  const tens = log / Math.LN10, before = sign < 0 ? "−" : "";
  if (tens > -3 && tens < 5) return before + told(10 ** tens, digits);
  let power = Math.floor(tens), lead = Number((10 ** (tens - power)).toPrecision(digits));
  if (lead >= 10) [lead, power] = [lead / 10, power + 1];
  return before + lead + "·10" + raised(power);
}
