// What the canvas shows of a state: the painted field and the boundary lines, worked out when the chain or the map changes.

const CHAIN = ["activation", "cost", "residual", "depth", "of", "layer", "quantity", "second", "w", "up", "x", "y", "engine"];
const chainKey = state => CHAIN.map(name => String(state[name])).join("|");

// scenes as they get better, null where there is nothing new yet; the boundary lines come with the last one
function* scenes(state, rows, palette) {
  let spent = 0, began = performance.now(), some = false;
  const [kind, start] = kindOf(state);
  for (const field of rows ? graphicField(rows, state, kind, start) : plainField(state, kind, start)) {
    const made = field && { ...painted(field, state, palette), lines: [], shares: null };
    if (field?.whole && state.depth > 1) Object.assign(made, bounded(field, state));
    spent += performance.now() - began;
    if (field?.whole) Object.assign(made, { drawn: { by: rows ? "gl" : "js", ms: spent }, whole: true });
    some = true;
    yield made;
    began = performance.now();
  }
  if (!some) yield* scenes(state, null, palette);  // the graphics processor took no program
}

const pictures = new Map(); // by their size, painted again and again

function pictureOfSize(size) {
  if (!pictures.has(size)) {
    const picture = document.createElement("canvas"), g = picture.getContext("2d");
    picture.width = picture.height = size;
    pictures.set(size, { picture, g, image: g.createImageData(size, size) });
  }
  return pictures.get(size);
}

function painted(field, state, palette) {
  const shown = SHOWN[state.quantity](state), ends = extent(field, shown), place = scale(ends);
  const { picture, g, image } = pictureOfSize(field.size);
  const shades = ramp(palette.diverging), three = codes(palette);
  paint(image, field, shown, coded(state) ? v => three[v + 1] : shading(shades, ends), palette);
  g.putImageData(image, 0, 0);
  const bar = coded(state) || ends.low > ends.high ? null : { place, ends, shades };
  return { picture, ends, bar, count: field.log.length };
}

// rate = 0 and largest link = 1/4, and the shares of the map that vanish and explode
function bounded({ size, links, largest }, state) {
  const edge = DATA.band * (state.depth - 1);
  let vanishing = 0, exploding = 0, undefined_ = 0;
  for (let at = 0; at < links.length; at++) {
    const sum = links[at];
    if (sum < -edge) vanishing++;
    else if (sum > edge) exploding++;
    else if (sum !== sum) undefined_++;
  }
  const stable = links.length - vanishing - exploding - undefined_;
  const share = count => (100 * count) / links.length;
  const shares = { vanishing: share(vanishing), stable: share(stable), exploding: share(exploding), undefined: share(undefined_) };
  const lines = [
    { lines: contour(links, size, 0), size, dash: [] },
    { lines: contour(largest, size, DATA.log_quarter), size, dash: [7, 5] },
  ];
  return { lines, shares };
}
