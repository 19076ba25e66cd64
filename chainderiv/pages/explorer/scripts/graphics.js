// The same field on a graphics processor: one pixel a point, 32-bit floats, sign and logarithm apart.

const LOWEST = -3.0e38; // what is not above it is the logarithm of 0
const CORNERS = "#version 300 es\nvoid main() {\n" +
  "  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);\n}\n";

function fragment(state, kind) {
  const rest = "vec3 gradient(float w, float b, float x, float y) {\n" +
    DATA.programs.bodies.glsl[bodyNumber(state, kind)] + "\nreturn vec3(s, total, largest);\n}\n" +
    "void main() {\n  vec2 at = mix(bounds.xz, bounds.yw, (gl_FragCoord.xy - 0.5)/(size - 1.0));\n" +
    "  result = vec4(gradient(at.x, at.y, point.x, point.y), 1.0);\n}\n";
  return "#version 300 es\nprecision highp float;\nprecision highp int;\n" +
    "uniform vec4 bounds;\nuniform float size;\nuniform vec2 point;\nuniform int depth, start;\nuniform bool pinned;\n" +
    "out vec4 result;\n" + source("glsl", state.activation, rest);
}

// draws fields, or null where the browser has no WebGL2 with float textures
function graphics() {
  const canvas = document.createElement("canvas"), gl = canvas.getContext("webgl2", { antialias: false });
  if (!gl || !gl.getExtension("EXT_color_buffer_float")) return null;
  const programs = new Map(), places = new Map();
  let pixels = new Float32Array(0), lost = false;
  canvas.addEventListener("webglcontextlost", () => { lost = true; });

  function programOf(state, kind) {
    const key = state.activation + " " + bodyNumber(state, kind);
    if (!programs.has(key)) programs.set(key, linked(gl, fragment(state, kind)));
    return programs.get(key);
  }

  function target(size) {
    if (!places.has(size)) places.set(size, floats(gl, size));
    gl.bindFramebuffer(gl.FRAMEBUFFER, places.get(size));
    if (pixels.length !== 4 * size * size) pixels = new Float32Array(4 * size * size);
  }

  return function draw(state, kind, start, size = SIZE) {
    if (lost) return null;
    const program = programOf(state, kind), at = name => gl.getUniformLocation(program, name);
    if (!program) return null;
    target(size);
    gl.viewport(0, 0, size, size);
    gl.useProgram(program);
    gl.uniform4f(at("bounds"), ...state.w, ...state.up);
    gl.uniform1f(at("size"), size);
    gl.uniform2f(at("point"), state.x, state.y);
    gl.uniform1i(at("depth"), state.depth);
    gl.uniform1i(at("start"), start);
    gl.uniform1i(at("pinned"), state.second === "z" ? 1 : 0);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.readPixels(0, 0, size, size, gl.RGBA, gl.FLOAT, pixels);
    return mended(unpacked(pixels, size), state, kind, start);
  };
}

function unpacked(pixels, size) {
  const field = emptyField(size);
  for (let at = 0; at < size * size; at++) {
    field.sign[at] = pixels[4 * at];
    field.log[at] = pixels[4 * at + 1] <= LOWEST ? -Infinity : pixels[4 * at + 1];
    field.largest[at] = pixels[4 * at + 2] <= LOWEST ? -Infinity : pixels[4 * at + 2];
  }
  field.whole = true;
  return field;
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
