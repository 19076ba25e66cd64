// What is told in words: the number at the point, the map's summary and its legend.

function showReadout(place, state, at) {
  const of = symbolOf(state), value = toldLog(at, 5);
  const number = Number.isNaN(at.log) || at.log === Infinity ? t("is_undefined") : at.log === -Infinity ? t("is_zero") : value;
  const tens = Number.isFinite(at.log) ? ` <span>(log₁₀ = ${told(at.log / Math.LN10, 6)})</span>` : "";
  const where = `w = ${told(state.point[0])}, ${state.second} = ${told(state.point[1])}`;
  const rate = state.depth === 1 ? t("no_link") : t("regime_is", {
    rate: told(at.rate), regime: t(regimeOf(at.rate)), largest: toldLog({ sign: 1, log: at.largest }),
  });
  place.innerHTML = `${where}<br><strong>${t("gradient_is", { of, value: number })}</strong>${tens}<br>${rate}`;
  Object.assign(place.dataset, { w: state.point[0], up: state.point[1], sign: at.sign, log: at.log, rate: at.rate, largest: at.largest });
  return t("point_label", { where, value: t("gradient_is", { of, value: number }) });
}

const percent = share => (share > 0 && share < 0.1 ? "< 0.1" : told(share, 3));

function summaryOf(state, scene) {
  const { ends, shares } = scene, words = { activation: state.activation, depth: state.depth, of: symbolOf(state) };
  if (shares) words.shares = t("summary_shares", Object.fromEntries(Object.entries(shares).map(([name, v]) => [name, percent(v)])));
  if (state.quantity !== "gradient") return words.shares ?? "";
  if (ends.low > ends.high) return t("summary_nothing", words);
  Object.assign(words, { low: told(ends.low, 3), high: told(ends.high, 3) });
  return t(shares ? "summary" : "summary_flat", words) + (ends.zeros ? " " + t("summary_zero", { zeros: percent((100 * ends.zeros) / scene.count) }) : "");
}

function legendOf(state, scene, palette) {
  const line = dash => `<svg viewBox="0 0 30 14" aria-hidden="true"><path d="M0 7H30" stroke="${palette.ink}" stroke-width="2.5" stroke-dasharray="${dash}"/></svg>`;
  const patch = colour => `<svg viewBox="0 0 30 14" aria-hidden="true"><rect width="30" height="14" fill="${colour}" stroke="${palette.soft}"/></svg>`;
  const entries = [];
  if (state.quantity === "regime") entries.push([patch(palette.low), "vanishing"], [patch(palette.paper), "stable"], [patch(palette.high), "exploding"]);
  if (state.quantity === "below_quarter") entries.push([patch(palette.low), "below"], [patch(palette.high), "above"]);
  if (scene.lines[0]?.lines.length) entries.push([line("none"), "rate"]);
  if (scene.lines[1]?.lines.length) entries.push([line("5 4"), "quarter"]);
  if (scene.ends.zeros) entries.push([patch(palette.zero), "zero"]);
  if (scene.ends.undefined) entries.push([patch(palette.undefined), "undefined"]);
  return entries.map(([mark, name]) => `<li>${mark}${t("legend_" + name)}</li>`).join("");
}
