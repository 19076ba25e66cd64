// The map's numbers: sign, logarithm and largest term at SIZE x SIZE points, the first axis to the right.

const SIZE = 400, COARSE = 8, SLICE = 24; // points a side; of a coarse cell; milliseconds until the page may answer

const along = ([low, high], k, count) => low + (high - low) * (k / (count - 1));

function emptyField(size) {
  return { size, sign: new Float32Array(size * size), log: new Float32Array(size * size), largest: new Float32Array(size * size) };
}

function put(field, at, [sign, log, largest]) {
  field.sign[at] = sign;
  field.log[at] = log;
  field.largest[at] = largest;
}

// in JavaScript, coarse at first; yields whenever there is something new to be seen
function* plainField(state, kind, start, size = SIZE) {
  const field = emptyField(size), read = reader(state, kind), pinned = state.second === "z";
  const at = (i, j) => read(along(state.w, i, size), along(state.up, j, size), state.x, state.y, state.depth, start, pinned);
  let began = performance.now();
  for (let j = 0; j < size; j += COARSE) {
    for (let i = 0; i < size; i += COARSE) {
      const value = at(Math.min(i + COARSE / 2, size - 1), Math.min(j + COARSE / 2, size - 1));
      fillCell(field, i, j, value);
    }
  }
  yield field;
  began = performance.now();
  for (let j = 0; j < size; j++) {
    for (let i = 0; i < size; i++) put(field, j * size + i, at(i, j));
    if (performance.now() - began > SLICE && j + 1 < size) {
      yield field;
      began = performance.now();
    }
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
  const { size, log } = field, read = reader(state, kind), pinned = state.second === "z";
  for (let at = first; at < behind; at++) {
    if (log[at] - log[at] === 0 || log[at] === -Infinity) continue;
    const w = along(state.w, at % size, size), up = along(state.up, Math.floor(at / size), size);
    put(field, at, read(w, up, state.x, state.y, state.depth, start, pinned));
  }
}
