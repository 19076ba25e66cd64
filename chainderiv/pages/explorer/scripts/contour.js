// Marching squares (Lorensen and Cline 1987, in the plane): where numbers on a grid cross a level.

// lines, each [[x, y, edge], …] in cells of the grid, from 0 to size - 1; edge is the number of the cell's side
function contour(values, size, level) {
  return joined(segments(values, size, level));
}

// pieces that end where another begins, as one line: dashes run along it
function joined(pieces) {
  const at = new Map(), used = new Set();
  pieces.forEach((piece, k) => piece.forEach(([, , edge]) => at.set(edge, [...(at.get(edge) ?? []), k])));
  const next = ([, , edge]) => at.get(edge).find(k => !used.has(k));
  return pieces.flatMap((piece, first) => {
    if (used.has(first)) return [];
    used.add(first);
    const line = [...piece];
    for (const [grow, tip] of [["push", () => line.at(-1)], ["unshift", () => line[0]]]) {
      for (let k = next(tip()); k !== undefined; k = next(tip())) {
        used.add(k);
        line[grow](pieces[k].find(end => end[2] !== tip()[2]));
      }
    }
    return [line];
  });
}

// pieces [[x, y, edge], [x, y, edge]] within a cell
function segments(values, size, level) {
  const found = [];
  for (let j = 0; j + 1 < size; j++) {
    let at = j * size, left = (values[at] < level ? 1 : 0) + (values[at + size] < level ? 2 : 0);
    for (let i = 0; i + 1 < size; i++, at++) {
      const right = (values[at + 1] < level ? 1 : 0) + (values[at + size + 1] < level ? 2 : 0);
      if (left !== right || left % 3 !== 0) cut(found, i, j, values, at, size, level);
      left = right;
    }
  }
  return found;
}

// of a cell whose corners are not all on one side, as almost all are
function cut(found, i, j, values, at, size, level) {
  const corners = [at, at + 1, at + size + 1, at + size].map(k => values[k] - level), crossed = [];
  for (let side = 0; side < 4; side++) {
    const from = corners[side], to = corners[(side + 1) % 4];
    if (from < 0 !== to < 0 && from === from && to === to) crossed.push(crossing(i, j, side, from, to, 2 * at, size));
  }
  if (crossed.length >= 2) found.push([crossed[0], crossed[1]]);
  if (crossed.length === 4) found.push([crossed[2], crossed[3]]);
}

function crossing(i, j, side, from, to, edge, size) {
  // beside -Infinity the line runs along the finite number's side
  const t = from - from !== 0 ? 1 : to - to !== 0 ? 0 : from / (from - to);
  return [[i + t, j, edge], [i + 1, j + t, edge + 3], [i + 1 - t, j + 1, edge + 2 * size], [i, j + 1 - t, edge + 1]][side];
}
