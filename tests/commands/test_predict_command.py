"""chainderiv predict prints what cd.predict gives."""

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.cli import main
from tests.kinds import slow

WORDS = ["predict", "--dataset", "digits", "--layers", "64,20,20,10"]


def test_it_prints_the_table_and_the_doubts(capsys):
    assert main([*WORDS, "--activation", "tanh", "--init", "xavier_uniform"]) == 0
    out = capsys.readouterr().out
    told = cd.predict([64, 20, 20, 10], "tanh", init="xavier_uniform", data=cd.load_data("digits"))
    assert out.rstrip("\n") == str(told)
    assert "not trusted: weights of 'glorot_uniform' are taken as normal ones" in out


def test_json_has_every_number(capsys):
    words = [*WORDS[:-1], "64,40,40,10"]  # at 20 a doubt is told
    assert main([*words, "--cost", "quadratic", "--init", "critical", "--activation", "tanh", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    told = cd.predict([64, 40, 40, 10], "tanh", "quadratic", init="critical", data=cd.load_data("digits"))
    for name in ("mean_log", "sd_log", "median", "band", "ratios", "sd_log_ratio"):
        np.testing.assert_allclose(found[name], getattr(told, name), rtol=1e-12)
    assert found["trusted"] is True
    assert found["doubts"] == []
    assert found["sizes"] == [64, 40, 40, 10]


def test_softmax_and_layers_that_add_their_input_are_predicted(capsys):
    for words in (["--cost", "log_likelihood"], ["--residual"]):
        assert main([*WORDS[:-1], "64,20,10", *words]) == 0
        assert words[-1].removeprefix("--") in capsys.readouterr().out


def test_networks_without_hidden_layers_and_outputs_that_do_not_fit_are_refused_in_a_line(capsys):
    for words in (["--layers", "64,10"], ["--output", "softmax"], ["--init", "dirac"]):
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


@pytest.mark.parametrize("form", [slow("png"), "svg", slow("pdf")])
def test_out_draws_the_prediction(form, capsys, tmp_path):
    file = tmp_path / f"predicted.{form}"
    assert main([*WORDS, "--out", str(file), "--dark", "--size", "4x3", "--title", "mine"]) == 0
    assert capsys.readouterr().out.endswith(f"\nwritten: {file}\n")
    assert file.stat().st_size > 1000
    if form == "svg":
        ET.fromstring(file.read_bytes())


def test_json_names_the_picture(capsys, tmp_path):
    file = str(tmp_path / "p.svg")
    assert main([*WORDS, "--out", file, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == file
    assert main([*WORDS, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] is None


@pytest.mark.parametrize(("words", "said"), [
    (["--out", "p.npz"], "--out is 'p.npz'; give a name that ends in .png, .svg or .pdf"),
    (["--out", "p"], "--out is 'p'"),
    (["--out", "p.png", "--size", "4"], "--size is '4'"),
    (["--out", "p.png", "--dpi", "1"], "--dpi is '1'"),
    (["--dark"], "--dark is of a picture; give --out"),
    (["--title", "mine"], "--title is of a picture; give --out"),
])  # fmt: skip
def test_what_is_no_picture_is_refused_before_anything_is_computed(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("chainderiv.commands.predict.predict", lambda *_, **__: pytest.fail("it computed"))
    assert main([*WORDS, *words]) == 2
    streams = capsys.readouterr()
    assert streams.out == ""
    assert said in streams.err
    assert len(streams.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
