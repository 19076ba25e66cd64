(() => {
  const data = JSON.parse(document.getElementById("numbers").textContent);
  const field = document.querySelector(".field"), mark = document.querySelector(".cell");
  const told = document.querySelector(".told"), [w, b] = data.axes;
  const along = (axis, v) => axis.log ? Math.log(v) : v;
  const value = (axis, k) => {
    const [low, high] = [along(axis, axis.start), along(axis, axis.stop)];
    const v = low + (high - low) * k / (axis.count - 1);
    return axis.log ? Math.exp(v) : v;
  };
  const share = (axis, v) => {
    const [low, high] = [along(axis, axis.low), along(axis, axis.high)];
    return (along(axis, v) - low) / (high - low);
  };
  const nearest = (axis, part) => {
    const [low, high] = [along(axis, axis.low), along(axis, axis.high)];
    const [first, last] = [along(axis, axis.start), along(axis, axis.stop)];
    const k = Math.round((low + part * (high - low) - first) / (last - first) * (axis.count - 1));
    return Math.min(Math.max(k, 0), axis.count - 1);
  };
  const high = "\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079";
  const raised = power => [...power].map(digit => high[digit] ?? "\u207b").join("");
  const number = v => String(+v.toPrecision(5)).replace(/e\+?(.*)/, (_, power) => "\u00a0\u00b7\u00a010" + raised(power));
  const text = v => v === null ? "\u2013" : v === Infinity ? "infinite" : number(v);
  const is = v => "\u00a0=\u00a0" + text(v);  // no line ends within
  const below = letter => Object.assign(document.createElement("sub"), { textContent: letter });
  const tell = (at, numbers, phase, name) => {
    mark.hidden = !(share(w, at[0]) >= 0 && share(w, at[0]) <= 1 && share(b, at[1]) >= 0 && share(b, at[1]) <= 1);
    mark.style.left = 100 * share(w, at[0]) + "%";
    mark.style.top = 100 * (1 - share(b, at[1])) + "%";
    const [chi, q, c] = numbers;
    told.replaceChildren(
      (name ? name + ": " : "") + "\u03c3", below("w"), is(at[0]) + ", \u03c3", below("b"), is(at[1]) +
      "; \u03c7\u2081" + is(chi) + ", q*" + is(q) + ", c*" + is(c) + "; " + phase);
  };
  let [i, k] = data.first;
  const cell = () => {
    const n = k * w.count + i;
    tell([value(w, i), value(b, k)], data.cells.map(rows => rows[n]), data.phases[data.phase[n]], "");
  };
  field.addEventListener("pointermove", e => {
    const box = field.getBoundingClientRect();
    i = nearest(w, (e.clientX - box.left) / box.width);
    k = nearest(b, 1 - (e.clientY - box.top) / box.height);
    cell();
  });
  field.addEventListener("pointerdown", () => field.focus());
  const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  field.addEventListener("keydown", e => {
    const step = steps[e.key];
    if (!step) return;
    e.preventDefault();
    const far = e.shiftKey ? 10 : 1;
    i = Math.min(Math.max(i + far * step[0], 0), w.count - 1);
    k = Math.min(Math.max(k + far * step[1], 0), b.count - 1);
    cell();
  });
  field.addEventListener("focus", cell);
  for (const button of document.querySelectorAll(".starts button")) {
    const start = data.starts[button.dataset.start];
    button.addEventListener("click", () => tell(start.at, start.numbers, start.phase, start.name));
  }
  cell();
})();
