// The map on its canvas: the field, its boundary lines, axes, the bar of colours, the point and the cut.

const ROOM = { left: 52, right: 80, top: 10, bottom: 44 }, BAR = { gap: 14, width: 14 };

function layout(canvas, width) {
  const side = Math.max(width - ROOM.left - ROOM.right, 120), high = Math.round(side * 0.86);
  const ratio = window.devicePixelRatio || 1, height = high + ROOM.top + ROOM.bottom;
  for (const [name, length] of [["width", width * ratio], ["height", height * ratio]]) {
    if (canvas[name] !== Math.round(length)) canvas[name] = Math.round(length);  // which empties it
  }
  canvas.style.height = height + "px";
  return { left: ROOM.left, top: ROOM.top, wide: side, high, width, height, ratio };
}

const toX = (box, [low, high], w) => box.left + (box.wide * (w - low)) / (high - low);
const toY = (box, [low, high], v) => box.top + box.high * (1 - (v - low) / (high - low));
const fromX = (box, [low, high], x) => low + ((high - low) * (x - box.left)) / box.wide;
const fromY = (box, [low, high], y) => low + (high - low) * (1 - (y - box.top) / box.high);

function drawPlot(canvas, box, state, scene, palette) {
  const g = canvas.getContext("2d");
  g.setTransform(box.ratio, 0, 0, box.ratio, 0, 0);
  g.fillStyle = palette.paper;
  g.fillRect(0, 0, box.width, box.height);
  g.imageSmoothingEnabled = false;
  g.drawImage(scene.picture, box.left, box.top, box.wide, box.high);
  for (const { lines, size, dash } of scene.lines) {
    drawLines(g, box, lines, size, 3.6, palette.paper, dash);
    drawLines(g, box, lines, size, 1.7, palette.ink, dash);
  }
  g.setLineDash([]);
  drawAxes(g, box, state, palette);
  if (scene.bar) drawBar(g, box, scene.bar, palette);
  if (state.cut) drawCut(g, box, state, palette);
  drawPoint(g, toX(box, state.w, state.point[0]), toY(box, state.up, state.point[1]), palette);
}

function drawLines(g, box, lines, size, width, colour, dash) {
  const across = box.wide / (size - 1), up = box.high / (size - 1);
  g.beginPath();
  for (const line of lines) {
    line.forEach(([x, y], k) => g[k ? "lineTo" : "moveTo"](box.left + x * across, box.top + box.high - y * up));
  }
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.lineJoin = "round";
  g.setLineDash(dash);
  g.stroke();
}

function drawAxes(g, box, state, palette) {
  g.font = "13px system-ui, sans-serif";
  g.fillStyle = g.strokeStyle = palette.ink;
  g.lineWidth = 1;
  g.strokeRect(box.left, box.top, box.wide, box.high);
  g.textAlign = "center";
  g.textBaseline = "top";
  const below = box.top + box.high;
  for (const v of ticks(...state.w, box.wide / 60)) {
    const x = toX(box, state.w, v);
    g.fillRect(x, below, 1, 5);
    g.fillText(told(v), x, below + 7);
  }
  g.fillText("w", box.left + box.wide / 2, below + 24);
  g.textAlign = "right";
  g.textBaseline = "middle";
  for (const v of ticks(...state.up, box.high / 45)) {
    const y = toY(box, state.up, v);
    g.fillRect(box.left - 5, y, 5, 1);
    g.fillText(told(v), box.left - 8, y);
  }
  g.textAlign = "left";
  g.fillText(state.second, 2, box.top + box.high / 2);
}

function drawBar(g, box, { place, ends, shades }, palette) {
  const x = box.left + box.wide + BAR.gap, lowest = place(Math.min(ends.low, 0)), highest = place(Math.max(ends.high, 0));
  const y = part => box.top + box.high * (1 - (part - lowest) / (highest - lowest || 1));
  for (let k = 0; k < box.high; k++) {
    g.fillStyle = css(shadeOf(shades, lowest + (highest - lowest) * (1 - k / box.high)));
    g.fillRect(x, box.top + k, BAR.width, 1.5);
  }
  g.fillStyle = palette.ink;
  g.textAlign = "left";
  g.textBaseline = "middle";
  for (const v of barTicks(ends, place, (18 / box.high) * (highest - lowest))) {
    g.fillRect(x + BAR.width, y(place(v)), 4, 1);
    g.fillText(told(v), x + BAR.width + 6, y(place(v)));
  }
}

function drawPoint(g, x, y, palette) {
  for (const [width, colour] of [[5, palette.paper], [2, palette.ink]]) {
    g.beginPath();
    g.arc(x, y, 7, 0, 2 * Math.PI);
    g.lineWidth = width;
    g.strokeStyle = colour;
    g.stroke();
  }
}

function drawCut(g, box, state, palette) {
  const [w0, v0, w1, v1] = state.cut;
  g.save();  // a cut goes on beyond a map whose range was narrowed
  g.beginPath();
  g.rect(box.left, box.top, box.wide, box.high);
  g.clip();
  for (const [width, colour] of [[5, palette.paper], [2.2, palette.accent]]) {
    g.beginPath();
    g.moveTo(toX(box, state.w, w0), toY(box, state.up, v0));
    g.lineTo(toX(box, state.w, w1), toY(box, state.up, v1));
    g.lineWidth = width;
    g.strokeStyle = colour;
    g.stroke();
  }
  g.restore();
}
