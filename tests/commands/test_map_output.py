"""chainderiv map: what a picture looks like, cuts and tables."""

import csv
import json

import pytest
from PIL import Image

from chainderiv.cli import main
from chainderiv.maps.axis import Axis
from chainderiv.maps.sweep import sweep
from chainderiv.symbolic.chain import Chain

SMALL = ["map", "--w", "-6:6:13", "--b", "-4:4:9"]
FILM = [*SMALL, "--axis", "depth=1:3:3"]


def size_of(path):
    with Image.open(path) as drawn:
        return drawn.size


def test_size_dots_and_dark_are_those_of_the_picture(tmp_path):
    out = tmp_path / "map.png"
    assert main([*SMALL, "--out", str(out), "--size", "3.4x2.8", "--dpi", "200"]) == 0
    assert size_of(out) == (680, 560)
    assert main([*SMALL, "--out", str(out), "--dark"]) == 0
    with Image.open(out) as drawn:
        assert drawn.convert("RGB").getpixel((2, 2)) == (0x14, 0x17, 0x1C)


def test_a_title_is_in_the_picture_and_an_empty_one_is_none(tmp_path):
    svg = {}
    for title in ("Where it vanishes", "", None):
        out = tmp_path / "map.svg"
        assert main([*SMALL, "--out", str(out), *([] if title is None else ["--title", title])]) == 0
        svg[title] = out.read_text()
    assert "<!-- Where it vanishes -->" in svg["Where it vanishes"]
    assert "<!-- sigmoid, 4 layers; quadratic cost" in svg[None]
    assert "quadratic" not in svg[""] + svg["Where it vanishes"]


def test_five_activations_stand_in_two_rows_or_in_as_many_columns_as_are_asked_for(tmp_path):
    five = [word for name in ("sigmoid", "tanh", "relu", "gelu", "silu") for word in ("--activation", name)]
    out = tmp_path / "map.png"
    assert main([*SMALL, *five, "--out", str(out), "--dpi", "40"]) == 0
    wide, high = size_of(out)
    assert 1 < wide / high < 2.2
    assert main([*SMALL, *five, "--columns", "5", "--out", str(out), "--dpi", "40"]) == 0
    wide, high = size_of(out)
    assert wide / high > 5


def test_a_cut_is_drawn_beside_its_map(tmp_path):
    out = tmp_path / "map.svg"
    assert main([*SMALL, "--out", str(out), "--cut", "w=2.5"]) == 0
    assert "<!-- cut at w = 2.5 -->" in out.read_text()


def test_a_table_has_the_maps_numbers_and_may_stand_beside_a_picture(tmp_path, capsys):
    out, table = tmp_path / "map.png", tmp_path / "map.csv"
    assert main([*SMALL, "--out", str(out), "--csv", str(table), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["file"], said["csv"]) == (str(out), str(table))
    with table.open() as file:
        rows = list(csv.DictReader(file))
    want = sweep(Chain(4), w=Axis(-6, 6, 13), b=Axis(-4, 4, 9)).log_abs.ravel()
    assert [float(row["log_abs"]) for row in rows] == want.tolist()
    assert out.exists()


def test_the_frames_of_a_film_are_as_fast_as_asked_for(tmp_path):
    out = tmp_path / "map.gif"
    for words, milliseconds in ((["--fps", "10", "--dark"], 100), ([], 250)):
        assert main([*FILM, "--out", str(out), *words]) == 0
        with Image.open(out) as film:
            assert film.info["duration"] == milliseconds


@pytest.mark.parametrize(("words", "said"), [
    (["--title", "x"], "--title is of a picture"),
    (["--size", "3x3", "--out", "map.npz"], "--size is of a picture"),
    (["--dark"], "--dark is of a picture or a film"),
    (["--fps", "3", "--out", "map.png"], "--fps is of a film"),
    (["--size", "wide", "--out", "map.png"], "such as 3.4x2.8"),
    (["--size", "0x3", "--out", "map.png"], "in inches, each from 0.5"),
    (["--dpi", "1", "--out", "map.png"], "from 10 to 2400"),
    (["--dpi", "nan", "--out", "map.png"], "--dpi is 'nan'"),
    (["--columns", "0", "--out", "map.png"], "--columns is '0'"),
    (["--cut", "w", "--out", "map.png"], "such as w=2"),
    (["--cut", "w=1", "--cut", "b=2", "--out", "map.png"], "--cut is given 2 times; give one"),
    (["--cut", "w=99", "--out", "map.png"], "w from -6 to 6 or b from -4 to 4"),
    (["--cut", "w=1", "--activation", "tanh", "--activation", "relu", "--out", "map.png"], "--cut is of one map"),
    (["--csv", " "], "--csv is empty"),
    (["--csv", "map.csv", "--activation", "tanh", "--activation", "relu"], "holds one map, and 2 activations"),
])  # fmt: skip
def test_an_option_that_does_not_suit_is_refused_before_the_work_in_one_line(
    words, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, *words]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert len(told.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
