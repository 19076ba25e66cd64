// The map's own pointer and keys: move the point, or drag a line to cut along.

const NEAR = 6, STEP = 1 / 100, FAR = 10; // pixels that are no drag yet; of the map, by an arrow key, and with Shift

function listenToMap(field, box, current, change) {
  const at = event => {
    const { left, top } = field.getBoundingClientRect(), state = current();
    const [w, up] = [fromX(box(), state.w, event.clientX - left), fromY(box(), state.up, event.clientY - top)];
    return [within(w, ...state.w, w), within(up, ...state.up, up)];
  };
  let from = null;
  field.addEventListener("pointerdown", event => {
    field.focus({ preventScroll: true });
    from = { x: event.clientX, y: event.clientY, at: at(event), dragged: false };
    field.setPointerCapture(event.pointerId);
    change({ point: from.at });
  });
  field.addEventListener("pointermove", event => {
    if (from && Math.hypot(event.clientX - from.x, event.clientY - from.y) > NEAR) from.dragged = true;
    if (from?.dragged) change({ point: at(event), cut: [...from.at, ...at(event)] });
    else if (event.pointerType === "mouse" && !from) change({ point: at(event) });
  });
  for (const name of ["pointerup", "pointercancel"]) field.addEventListener(name, () => { from = null; });
  field.addEventListener("keydown", event => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const { w, up, point } = current(), far = STEP * (event.shiftKey ? FAR : 1);
    change({ point: [point[0] + way[0] * far * (w[1] - w[0]), point[1] + way[1] * far * (up[1] - up[0])] });
  });
}
