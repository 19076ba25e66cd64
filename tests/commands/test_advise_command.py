"""chainderiv advise: the advice in numbers, in lines to paste, and as JSON."""

import json

import pytest

import chainderiv as cd
from chainderiv.cli import main


def test_the_numbers_are_those_of_advise(capsys):
    assert main(["advise", "--activation", "selu", "--depth", "4", "--width", "64", "--within", "3", "--json"]) == 0
    told, found = json.loads(capsys.readouterr().out), cd.advise("selu", 4, 64, 3.0)
    assert (told["sigma_w"], told["sigma_b"], told["std"]) == (found.sigma_w, 0, found.std)
    assert told["intervals"] == [one._asdict() for one in found.keeping.intervals]
    assert told["after"]["gradient"] == found.after.gradient
    assert [one["name"] for one in told["before"]] == [one.name for one in found.before]
    assert told["scatter"]["band"] == list(found.scatter.band)
    assert told["paste"]["torch"] == found.to("torch")


def test_all_three_frameworks_are_printed_to_be_pasted(capsys):
    assert main(["advise", "--activation", "tanh(z)", "--depth", "3"]) == 0
    out = capsys.readouterr().out
    for words in ("in PyTorch:", "in Keras:", "in JAX:", "torch.nn.init.normal_", "kept within a factor 2"):
        assert words in out
    for name, module in (("PyTorch", "torch"), ("Keras", "keras"), ("JAX", "jax")):
        assert f"\nin {name}:\n    import {module}\n" in out


def test_where_nothing_is_recommended_nothing_is_pasted(capsys):
    words = ["advise", "--activation", "relu2", "--depth", "50"]
    assert main(words) == 0
    assert "in PyTorch" not in capsys.readouterr().out
    assert main([*words, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["after"], told["sigma_w"], told["paste"], told["intervals"]) == (None, None, {}, [])


@pytest.mark.parametrize(
    "given",
    [["--depth", "0"], ["--depth", "x"], ["--width", "1.5"], ["--within", "0.5"], ["--within", "nan"],
     ["--activation", "tahn"], ["--activation", "where(z>0, 1+z, z)"], ["--activation", "tanh", "--activation", "relu"]],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_2(given, capsys):
    assert main(["advise", *given]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "Traceback" not in err
    assert len([line for line in err.splitlines() if not line.startswith("φ(z)")]) == 1
