// The same field on a graphics processor: one pixel a point, 32-bit floats, sign and logarithm apart.

const LOWEST = -3.0e38; // what is not above it is the logarithm of 0, and what is not below its opposite is none
const CORNERS = "#version 300 es\nvoid main() {\n" +
  "  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);\n}\n";

// of a target that a cost asks for, only its case is worked out
const targetOf = ({ y }) => ([-1, 0, 1].includes(y) ? `const float y = ${y}.0;\n` : "uniform float y;\n");

function fragment(state, kind) {
  const rest = "vec4 gradient(float w, float b) {\n" + walk("glsl", state, kind) + "\nreturn vec4(total, links, largest, 1.0);\n}\n" +
    "void main() {\n  vec2 at = mix(bounds.xz, bounds.yw, (gl_FragCoord.xy - 0.5)/(size - 1.0));\n" +
    "  result = gradient(at.x, at.y);\n}\n";
  return "#version 300 es\nprecision highp float;\nprecision highp int;\n" +
    "uniform vec4 bounds;\nuniform float size, x;\nuniform int depth, start;\nuniform bool pinned;\n" + targetOf(state) +
    "out vec4 result;\n" + source("glsl", state.activation, rest);
}

// rows(state, kind, start, field, first, behind) draws rows of a field and says how; null without WebGL2 and float textures
function graphics() {
  const canvas = document.createElement("canvas"), gl = canvas.getContext("webgl2", { antialias: false });
  if (!gl || !gl.getExtension("EXT_color_buffer_float")) return null;
  const programs = new Map(), places = new Map();
  let lost = false;
  canvas.addEventListener("webglcontextlost", () => { lost = true; });
  gl.enable(gl.SCISSOR_TEST);

  function programOf(state, kind) {
    const key = programKey(state, kind) + targetOf(state);
    if (!programs.has(key)) programs.set(key, linked(gl, fragment(state, kind)));
    return programs.get(key);
  }

  return function rows(state, kind, start, field, first, behind) {
    const program = lost ? null : programOf(state, kind), { size } = field;
    if (!program) return false;
    if (!places.has(size)) places.set(size, { frame: floats(gl, size), pixels: new Float32Array(4 * size * size) });
    const { frame, pixels } = places.get(size);
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    gl.viewport(0, 0, size, size);
    gl.scissor(0, first, size, behind - first);
    gl.useProgram(program);
    given(gl, program, state, start, size);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.readPixels(0, first, size, behind - first, gl.RGBA, gl.FLOAT, pixels);
    unpack(pixels, field, size * first, size * behind);
    mend(field, size * first, size * behind, state, kind, start);
    return true;
  };
}

function given(gl, program, state, start, size) {
  const at = name => gl.getUniformLocation(program, name);
  gl.uniform4f(at("bounds"), ...state.w, ...state.up);
  gl.uniform1f(at("size"), size);
  gl.uniform1f(at("x"), state.x);
  gl.uniform1f(at("y"), state.y);
  gl.uniform1i(at("depth"), state.depth);
  gl.uniform1i(at("start"), start);
  gl.uniform1i(at("pinned"), state.second === "z" ? 1 : 0);
}

function unpack(pixels, { log, links, largest }, first, behind) {
  const read = v => (v > LOWEST && v < -LOWEST ? v : v <= LOWEST ? -Infinity : NaN);
  for (let k = 0, at = first; at < behind; k += 4, at++) {
    log[at] = read(pixels[k]);
    links[at] = read(pixels[k + 1]);
    largest[at] = read(pixels[k + 2]);
  }
}

const TRIED = 16, QUICK = 80, FEW = 50; // rows; milliseconds that nobody waits for; points a side of a coarse field
const paces = new Map(); // of a program: the least milliseconds that a row and a layer have taken, without others' work

// all rows of a field, in slices where they take long; a coarse one first where it is to be seen
function* graphicField(rows, state, kind, start, size = SIZE) {
  const field = emptyField(size), key = programKey(state, kind);
  const draw = (first, behind) => {
    const began = performance.now(), done = rows(state, kind, start, field, first, behind);
    paces.set(key, Math.min(paces.get(key) ?? Infinity, (performance.now() - began) / (behind - first) / state.depth));
    return done;
  };
  const needs = () => (paces.get(key) ?? Infinity) * state.depth * size;
  let first = needs() > QUICK ? TRIED : size;
  if (!draw(0, first)) return;
  if (first < size && needs() > QUICK && size === SIZE) {
    const coarse = emptyField(FEW);
    rows(state, kind, start, coarse, 0, FEW);
    yield coarse;
  }
  while (first < size) {
    const step = needs() > QUICK ? Math.max(Math.round((SLICE * size) / needs()), 4) : size, behind = Math.min(first + step, size);
    draw(first, behind);
    first = behind;
    if (first < size) yield null;
  }
  field.whole = true;
  yield field;
}

function linked(gl, text) {
  const program = gl.createProgram();
  for (const [kind, code] of [[gl.VERTEX_SHADER, CORNERS], [gl.FRAGMENT_SHADER, text]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, code);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}

function floats(gl, size) {
  const texture = gl.createTexture(), frame = gl.createFramebuffer();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA32F, size, size);
  gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  return frame;
}
