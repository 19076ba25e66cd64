"""chainderiv predict prints what cd.predict gives."""

import json

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.cli import main

WORDS = ["predict", "--dataset", "digits", "--layers", "64,20,20,10"]


def test_it_prints_the_table_and_the_doubts(capsys):
    assert main([*WORDS, "--activation", "tanh", "--init", "xavier_uniform"]) == 0
    out = capsys.readouterr().out
    told = cd.predict([64, 20, 20, 10], "tanh", init="xavier_uniform", data=cd.load_data("digits"))
    assert out.rstrip("\n") == str(told)
    assert "not trusted: weights of 'glorot_uniform' are taken as normal ones" in out


def test_json_has_every_number(capsys):
    assert main([*WORDS, "--cost", "quadratic", "--init", "critical", "--activation", "tanh", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    told = cd.predict([64, 20, 20, 10], "tanh", "quadratic", init="critical", data=cd.load_data("digits"))
    for name in ("mean_log", "sd_log", "median", "band", "ratios", "sd_log_ratio"):
        np.testing.assert_allclose(found[name], getattr(told, name), rtol=1e-12)
    assert found["trusted"] is True
    assert found["doubts"] == []
    assert found["sizes"] == [64, 20, 20, 10]


def test_softmax_and_networks_without_hidden_layers_are_refused_in_a_line(capsys):
    for words in (["--cost", "log_likelihood"], ["--layers", "64,10"], ["--output", "softmax"], ["--init", "dirac"]):
        assert main([*WORDS, *words]) == 2
        streams = capsys.readouterr()
        assert streams.out == ""
        assert len(streams.err.strip().splitlines()) == 1


@pytest.mark.parametrize("command", ["phase", "predict", "train"])
def test_wherever_a_sigma_is_typed_the_help_says_that_it_is_a_standard_deviation(command, capsys):
    assert main([command, "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "sigma_w=1.5" in said
    assert "standard deviation" in said
    assert "fan-in" in said
