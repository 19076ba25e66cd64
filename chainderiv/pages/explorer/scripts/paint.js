// Colours of the map: blue below 0, orange above, paper at 0, each side as deep as its own end (as the package's maps).

const STEPS = 512, ALMOST_EVEN = 0.5; // shades; within ±ALMOST_EVEN colours change evenly, beyond by equal ratios
const bend = v => Math.asinh(v / ALMOST_EVEN);

const rgb = text => [1, 3, 5].map(k => parseInt(text.slice(k, k + 2), 16));
const packed = ([r, g, b]) => (255 << 24) | (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r);
const css = colour => `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;

function ramp(colours) {
  const stops = colours.map(rgb), made = new Int32Array(STEPS);
  for (let k = 0; k < STEPS; k++) {
    const place = (k / (STEPS - 1)) * (stops.length - 1), first = Math.min(Math.floor(place), stops.length - 2);
    made[k] = packed(stops[first].map((v, c) => v + (place - first) * (stops[first + 1][c] - v)));
  }
  return made;
}

// the shade at a place 0 … 1 among them
const shadeOf = (shades, place) => shades[Math.round(place * (STEPS - 1))];

// the quantity that is drawn, from a field's logarithms
const SHOWN = {
  gradient: state => (field, at) => field.log[at] / Math.LN10,
  rate: state => (field, at) => field.links[at] / (state.depth - 1),
  regime: state => (field, at) => ({ vanishing: -1, stable: 0, exploding: 1, undefined: NaN })[regimeOf(field.links[at] / (state.depth - 1))],
  below_quarter: state => (field, at) => (field.largest[at] < DATA.log_quarter ? -1 : 1),
};

// the smallest and the largest finite number, and whether there are exact zeros and undefined points
function extent(field, shown) {
  const found = { low: Infinity, high: -Infinity, zeros: 0, undefined: 0 };
  for (let at = 0; at < field.log.length; at++) {
    const v = shown(field, at);
    if (v === -Infinity) found.zeros++;
    else if (v - v !== 0) found.undefined++;
    else {
      if (v < found.low) found.low = v;
      if (v > found.high) found.high = v;
    }
  }
  return found;
}

// the place 0 … 1 of a number among the colours
function scale({ low, high }) {
  const [below, above] = [-low, high].map(end => bend(Math.max(end, ALMOST_EVEN)));
  return v => Math.min(Math.max(0.5 + (0.5 * bend(v)) / (v < 0 ? below : above), 0), 1);
}

// the same shade, looked for from the last number's, mostly its neighbour: less than half the time
function shading(shades, { low, high }) {
  const [below, above] = [-low, high].map(end => 2 * bend(Math.max(end, ALMOST_EVEN))), last = shades.length - 1;
  const numberAt = place => ALMOST_EVEN * Math.sinh(place * (place < 0 ? below : above)); // of a place from -1/2 to 1/2
  const edges = Float64Array.from({ length: last }, (_, k) => numberAt((k + 0.5) / last - 0.5));
  let k = 0;
  return v => {
    while (k < last && v >= edges[k]) k++;
    while (k > 0 && v < edges[k - 1]) k--;
    return shades[k];
  };
}

// of what is only told apart: -1, 0 and 1
const coded = state => state.quantity === "regime" || state.quantity === "below_quarter";
const codes = palette => [palette.low, palette.paper, palette.high].map(colour => packed(rgb(colour)));

// shade(v) is the colour of a finite number
function paint(image, field, shown, shade, palette) {
  const zero = packed(rgb(palette.zero)), undefined_ = packed(rgb(palette.undefined));
  const pixels = new Int32Array(image.data.buffer), { size } = field;
  for (let j = 0; j < size; j++) {
    const row = (size - 1 - j) * size; // the picture begins above, the field below
    for (let i = 0; i < size; i++) {
      const v = shown(field, j * size + i);
      pixels[row + i] = v === -Infinity ? zero : v !== v ? undefined_ : shade(v);
    }
  }
}
