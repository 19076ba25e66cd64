// The map's numbers: the gradient's logarithm, and the sum and the largest of its links' logarithms, at SIZE x SIZE
// points, the first axis to the right.

const SIZE = 400, COARSE = 8, SLICE = 24, SHOW = 150; // points a side; of a coarse cell; milliseconds until the page may answer, and until it shows more

const along = ([low, high], k, count) => low + (high - low) * (k / (count - 1));

function emptyField(size) {
  const [log, links, largest] = [1, 2, 3].map(() => new Float32Array(size * size));
  return { size, log, links, largest };
}

function put(field, at, [, log, links, largest]) {
  field.log[at] = log;
  field.links[at] = links;
  field.largest[at] = largest;
}

// in JavaScript, coarse at first; yields whenever there is something new to be seen
function* plainField(state, kind, start, size = SIZE) {
  const field = emptyField(size), { read, row } = reader(state, kind), { x, y, depth } = state, pinned = state.second === "z";
  const w = Float64Array.from({ length: size }, (_, i) => along(state.w, i, size)), up = j => along(state.up, j, size);
  const middle = k => Math.min(k + COARSE / 2, size - 1);
  for (let j = 0; j < size; j += COARSE) {
    for (let i = 0; i < size; i += COARSE) fillCell(field, i, j, read(w[middle(i)], up(middle(j)), x, y, depth, start, pinned));
  }
  yield field;
  let began = performance.now(), shown = began;
  for (let j = 0; j < size; j++) {
    row(field, j * size, w, up(j), x, y, depth, start, pinned);
    const now = performance.now();
    if (now - began < SLICE || j + 1 === size) continue;
    yield now - shown > SHOW ? field : null;
    if (now - shown > SHOW) shown = performance.now();
    began = performance.now();
  }
  field.whole = true;
  yield field;
}

function fillCell(field, i, j, value) {
  const { size } = field;
  for (let v = j; v < Math.min(j + COARSE, size); v++) {
    for (let u = i; u < Math.min(i + COARSE, size); u++) put(field, v * size + u, value);
  }
}

// a point that 32 bits do not hold is read in 64
function mend(field, first, behind, state, kind, start) {
  const { size, log } = field, { read } = reader(state, kind), pinned = state.second === "z";
  for (let at = first; at < behind; at++) {
    if (log[at] - log[at] === 0 || log[at] === -Infinity) continue;
    const w = along(state.w, at % size, size), up = along(state.up, Math.floor(at / size), size);
    put(field, at, read(w, up, state.x, state.y, state.depth, start, pinned));
  }
}
