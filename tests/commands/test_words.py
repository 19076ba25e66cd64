"""The command line speaks its own words: flags and texts, and none of Python's arguments."""

import json

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.cli import main
from chainderiv.errors import BadValue

TRAIN = ["train", "--dataset", "digits"]
SAID = [
    (["verify", "--seed", "-1"], "--seed is '-1'; give a whole number >= 0"),
    (["tour", "--seed", "-1"], "--seed is '-1'; give a whole number >= 0"),
    (["verify", "--points", "0"], "--points is 0;"),
    ([*TRAIN, "--seed", "-1"], "--seed is '-1'; give a whole number >= 0"),
    ([*TRAIN, "--batch-size", "0"], "--batch-size is 0;"),
    ([*TRAIN, "--weight-decay", "-1"], "--weight-decay is -1.0;"),
    ([*TRAIN, "--learning-rate", "0"], "--learning-rate is 0.0;"),
    ([*TRAIN, "--measure-steps", "0"], "--measure-steps is 0;"),
    ([*TRAIN, "--momentum", "2"], "--momentum is 2.0;"),
    ([*TRAIN, "--clip", "0"], "--clip is 0.0;"),
    ([*TRAIN, "--patience", "0"], "--patience is 0;"),
    ([*TRAIN, "--layers", "64,0,10"], "--layers is '64,0,10'; give at least two whole numbers >= 1"),
    (["map", "--w", "1", "--b", "2"], "--w and --b are numbers, and nothing is swept; give one of them as an axis"),
    (["map", "--w", "-inf:inf:10"], "--w -inf:inf:10: axis runs from -inf to inf"),
    (["map", "--w", "-12:12"], "--w -12:12: axis '-12:12' is not start:stop:count"),
    (["map", "--axis", "w2=3:1:3"], "--axis w2=3:1:3: axis runs from 3.0 to 1.0"),
    (["map", "--depth", "0"], "--depth is 0;"),
    (["map", "--workers", "0"], "--workers is 0;"),
    (["derive", "--wrt", "b1,b2,b3"], "--wrt is 'b1,b2,b3'; give one parameter, as b1, or two, as b1,w2"),
    (["derive", "--activation", "where(z>0 and z<1, z, 1)"], "where(z > 0, where(z < 1, z, 1), 0)"),
    (["derive", "--activation", "where(0<z<1, z, 1)"], "where(z > 0, where(z < 1, z, 1), 0)"),
    (["derive", "--activation", "where(z>0 | z<-1, z, 1)"], "where(z > 0, where(z < 1, z, 1), 0)"),
    (["derive", "--activation", "where(not z>0, z, 1)"], "write where(z <= 0, 0, z)"),
    (["bounds", "cbrt(z)", "--s", "-1"], "--s is '-1'; give a positive standard deviation"),
    (["bounds", "cbrt(z)", "--z", "0"], "z = 0 is not finite; give another z"),
]
PYTHON = ("Axis(", "numpy.random", "rng", "weight_decay", "batch_size", "learning_rate", "measure_steps")


@pytest.mark.parametrize(("words", "said"), SAID, ids=[" ".join(words) for words, _ in SAID])
def test_a_refusal_names_the_flag_as_it_is_typed(words, said, capsys):
    assert main(words) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert said in streams.err
    # above it stands what was understood of a formula
    assert len([line for line in streams.err.splitlines() if not line.startswith("φ(z) = ")]) == 1
    assert not [word for word in PYTHON if word in streams.err]


def test_the_where_that_a_refusal_shows_is_read():
    nested = cd.parse_formula("where(z > 0, where(z < 1, z, 2*z), 2*z)")
    assert [float(nested.subs(cd.z, v)) for v in (-1, 0.5, 3)] == [-2.0, 0.5, 6.0]


def test_bounds_shows_the_rest_where_the_slope_at_the_usual_z_is_infinite(capsys):
    assert main(["bounds", "cbrt(z)", "--w", "3"]) == 0
    text = capsys.readouterr().out
    assert "sup |φ'|" in text
    assert "φ'(0) is not finite; give another --z" in text
    assert "at w = 3" in text  # |z|^(-2/3) >= 1 for |z| <= 1: z in [-1, 1]
    assert "[-1, 1]" in text.replace("[-1, 0) and (0, 1]", "[-1, 1]")
    assert main(["bounds", "cbrt(z)", "--json"]) == 0
    chances = json.loads(capsys.readouterr().out)["probabilities"]
    assert chances == {"s": "1", "z": "0", "exceeds": None, "under_quarter": None}
    assert main(["bounds", "cbrt(z)", "--z", "1"]) == 0
    assert "P(|w φ'(1)| > 1)" in capsys.readouterr().out


def test_a_map_says_how_many_points_are_undefined_and_how_many_uncertain(capsys):
    # z_1 = w/2 + b is 0, where the cube root has no finite slope, at b = -w/2: once for each of the five w
    words = ["map", "--depth", "1", "--w", "-2:2:5", "--b", "-1:1:5", "--activation", "cbrt(z)"]
    assert main([*words, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["maps"]
    s = cd.sweep(cd.Chain(1, cd.Activation.from_formula("mine", "cbrt(z)")), w=cd.Axis(-2, 2, 5), b=cd.Axis(-1, 1, 5))
    assert found["undefined"] == int(np.isnan(s.log_abs).sum()) == 5
    assert found["uncertain_points"] == int(s.uncertain.sum()) >= 5
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "undefined at 5 of 25 points" in text
    assert f"%, {found['uncertain_points']} of 25 points" in text
    assert main(["map", "--depth", "3", "--w", "-1:1:3", "--b", "0"]) == 0
    assert "undefined" not in capsys.readouterr().out


def test_values_at_a_great_depth_tell_how_far_they_are(capsys, monkeypatch):
    from chainderiv.commands import derive

    told = []
    cd.derive(cd.Chain(10_000, "tanh"), "b1").at(w=1, z=0, progress=lambda *done: told.append(done))
    assert told[:2] == [(4096, 10_000), (8192, 10_000)]
    monkeypatch.setattr(derive, "LONG", 4096)
    assert main(["derive", "--depth", "4096", "--activation", "tanh", "--at", "w=3,z=0,y=1"]) == 0
    streams = capsys.readouterr()
    assert "layers: 4096/4096" in streams.err
    assert "log10 = 1953.81" in streams.out  # 4095 log10(3): tanh'(0) is 1, and a_L - y is -1
    assert "more (--json has them all)" in streams.out


@pytest.mark.parametrize("name", ["two\nlines", "end\n", "a\rb", "a\u2028b"])
def test_a_name_that_breaks_a_line_is_refused(name):
    with pytest.raises(BadValue, match="breaks a line"):
        cd.Activation(name, cd.z**2)
    with pytest.raises(BadValue, match="symbol is .*breaks a line"):
        cd.Activation("mine", cd.z**2, symbol=name)
