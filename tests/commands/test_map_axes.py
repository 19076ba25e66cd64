"""chainderiv map: depth as an axis, quantities of one layer, films."""

import json
from itertools import product

import numpy as np
import pytest
from PIL import Image

from chainderiv.cli import main
from chainderiv.maps.axis import Axis
from chainderiv.maps.sweep import sweep
from chainderiv.symbolic.chain import Chain
from chainderiv.view.maps import animation
from tests.kinds import costly

SMALL = ["map", "--w", "-6:6:13", "--b", "-4:4:9"]
DEPTHS = ["map", "--axis", "depth=2:6:5", "--w", "-6:6:13", "--b", "1"]


def test_a_film_is_written_with_its_progress_on_stderr(tmp_path, capsys):
    out = tmp_path / "map.gif"
    assert main([*SMALL, "--axis", "depth=1:5:5", "--out", str(out)]) == 0
    with Image.open(out) as film:
        assert film.n_frames == 5
    said = capsys.readouterr()
    assert "depth 1 to 5, over w -6:6:13 x b -4:4:9 x depth 1:5:5" in said.out
    assert "frames: 5/5" in said.err


DRAWN = list(product([SMALL, DEPTHS], ["factor:3", "activation:2", "rate"]))


@pytest.mark.parametrize(
    ("words", "quantity"),
    costly(DRAWN, quick=[(SMALL, "factor:3"), (DEPTHS, "activation:2")]),
)
def test_quantities_of_a_layer_are_drawn_and_depth_is_an_axis(tmp_path, words, quantity):
    out = tmp_path / "map.png"
    assert main([*words, "--quantity", quantity, "--out", str(out)]) == 0
    with Image.open(out) as drawn:
        assert drawn.size == (900, 780)


def test_the_summary_counts_all_depths(capsys):
    assert main(["map", "--axis", "depth=1:4:4", "--w", "-6:6:13", "--b", "1", "--output", "tanh", "--json"]) == 0
    (summary,) = json.loads(capsys.readouterr().out)["maps"]
    assert summary["axes"]["depth"] == [1, 4, 4, "linear"]
    assert summary["activation"] == ["sigmoid", "sigmoid", "sigmoid", "tanh"]
    assert summary["regimes"]["undefined"] == 0.25


@pytest.mark.parametrize(
    ("words", "order"),
    [
        (["--x", "0:1:11", "--w", "-1:1:5", "--b", "0"], ["x", "w"]),
        (["--w", "-1:1:5", "--y", "-1:1:3", "--b", "0"], ["w", "y"]),
        (["--axis", "b3=-10:10:21", "--w", "1:2:11", "--b", "0"], ["b3", "w"]),
        (["--b", "0:1:3", "--axis", "depth=2:5:4", "--w", "1:2:4"], ["b", "depth", "w"]),
        (["--x", "0:1:3", "--b", "0"], ["w", "x"]),
        (["--x", "0:1:3", "--w", "0"], ["x", "b"]),
    ],
)
def test_axes_are_in_the_order_in_which_they_are_given(words, order, tmp_path, capsys):
    out = tmp_path / "map.npz"
    assert main(["map", *words, "--json", "--out", str(out)]) == 0
    (summary,) = json.loads(capsys.readouterr().out)["maps"]
    assert list(summary["axes"]) == order
    with np.load(out) as arrays:
        assert arrays["log_abs"].shape == tuple(len(arrays[f"axis_{name}"]) for name in order)


def test_x_is_swept_as_a_weight_is(tmp_path):
    out = tmp_path / "map.npz"
    assert main(["map", "--x", "0:1:11", "--w", "-1:1:5", "--b", "0", "--y", "0.25", "--out", str(out)]) == 0
    want = sweep(Chain(4), x=Axis(0, 1, 11), w=Axis(-1, 1, 5), b=0, y=0.25)
    with np.load(out) as arrays:
        np.testing.assert_array_equal(arrays["log_abs"], want.log_abs)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--x", "half"], "--x is 'half'; give a number, or an axis start:stop:count"),
        (["--y", "inf"], "--y is 'inf'; give a number, or an axis start:stop:count"),
        (["--axis", "b3=nan"], "--axis b3 is 'nan'; give a number, or an axis start:stop:count"),
        (["--axis", "=0:1:5"], "give NAME=start:stop:count"),
        (["--x", "0:1:5", "--axis", "x=1"], "x is given twice"),
        (["--w", "0:1:5"], "w is given twice"),
    ],
)
def test_what_is_no_axis_is_named_with_its_flag(words, said, capsys):
    assert main([*SMALL, *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--axis", "depth=1:5:3.5"], "axis"),
        (["--axis", "depth=1:5:4"], "depth=1:50:50"),
        (["--axis", "depth=7"], "give --depth 7, or --axis depth=1:50:50"),
        (["--axis", "depth=1:5:5", "--depth", "4"], "--depth 4 and --axis depth are given together"),
        (["--depth", "9", "--axis", "depth=1:5:5"], "--depth 9 and --axis depth are given together"),
        (["--axis", "depth=1:5:5", "--out", "map.png"], ".gif for a film"),
        (["--out", "map.gif"], "a film takes three axes, depth and two others, and is given w, b"),
        (["--axis", "depth=1:1001:1001", "--out", "map.gif"], "a film of 1001 depths is too long"),
        (["--axis", "depth=1:5:5", "--out", "map.gif", "--activation", "tanh", "--activation", "relu"], "one map"),
        (["--axis", "depth=1:5:5", "--wrt", "b3"], "no b3"),
        (["--quantity", "factor:5"], "factor:1 … factor:4"),
        (["--quantity", "factor"], "factor:1 … factor:4"),
        (["--quantity", "rat"], "did you mean 'rate'"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_and_exit_2(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_mp4_without_ffmpeg_is_refused_before_the_work(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(animation, "_has_ffmpeg", lambda: False)
    assert main([*SMALL, "--axis", "depth=1:5:5", "--out", str(tmp_path / "map.mp4")]) == 2
    assert ".gif" in capsys.readouterr().err


def test_the_summary_says_by_how_much_it_is_uncertain(capsys):
    assert main(["map", "--activation", "silu", "--depth", "100", "--w", "-12:0:31", "--b", "-5:5:31"]) == 0
    assert "  uncertain by over 1e-9 in the logarithm: " in capsys.readouterr().out
