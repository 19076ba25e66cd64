// What the canvas shows of a state: the painted field and the boundary lines, worked out when the chain or the map changes.

const COARSER = 200; // points a side of the grid that boundary lines are found on
const CHAIN = ["activation", "cost", "residual", "depth", "of", "layer", "quantity", "second", "w", "up", "x", "y", "engine"];
const chainKey = state => CHAIN.map(name => String(state[name])).join("|");

const asked = state => (ofLinks(state) ? ["links", 2] : kindOf(state));

// scenes as they get better, null where there is nothing new yet; the boundary lines come with the last one
function* scenes(state, rows, palette) {
  let spent = 0, began = performance.now(), by = rows ? "gl" : "js", last = null;
  const lap = value => {
    spent += performance.now() - began;
    return value;
  };
  for (const field of fields(state, rows, ...asked(state))) {
    last = field ? { ...painted(field, state, palette), lines: [], shares: null } : null;
    if (field?.whole) break;
    yield lap(last);
    began = performance.now();
  }
  if (!last) {  // the graphics processor took no program
    yield* scenes(state, null, palette);
    return;
  }
  if (state.depth > 1) {
    for (const links of fields(state, rows, "links", 2, COARSER)) {
      if (links?.whole) Object.assign(last, bounded(links, state));
      else {
        yield lap(null);
        began = performance.now();
      }
    }
  }
  lap();
  yield { ...last, drawn: { by, ms: spent }, whole: true };
}

const fields = (state, rows, ...what) => (rows ? graphicField(rows, state, ...what) : plainField(state, ...what));

function painted(field, state, palette) {
  const shown = SHOWN[state.quantity](state), ends = extent(field, shown), place = scale(ends);
  const picture = document.createElement("canvas");
  picture.width = picture.height = field.size;
  const g = picture.getContext("2d"), image = g.createImageData(field.size, field.size);
  const shades = ramp(palette.diverging), three = codes(palette);
  paint(image, field, shown, coded(state) ? v => three[v + 1] : v => shades[Math.round(place(v) * (STEPS - 1))], palette);
  g.putImageData(image, 0, 0);
  const bar = coded(state) || ends.low > ends.high ? null : { place, ends, shades };
  return { picture, ends, bar, count: field.log.length };
}

// rate = 0 and largest link = 1/4, and the shares of the map that vanish and explode
function bounded(field, state) {
  if (!field) return { lines: [], shares: null };
  const { size } = field, shares = { vanishing: 0, stable: 0, exploding: 0, undefined: 0 };
  for (const sum of field.log) shares[regimeOf(sum / (state.depth - 1))] += 100 / field.log.length;
  const lines = [
    { lines: contour(field.log, size, 0), size, dash: [] },
    { lines: contour(field.largest, size, DATA.log_quarter), size, dash: [7, 5] },
  ];
  return { lines, shares };
}
