"""chainderiv advise: the advice in numbers, in lines to paste, and as JSON."""

import json

import pytest

from chainderiv.cli import main
from chainderiv.nn.advice import advise


def test_the_numbers_are_those_of_advise(capsys):
    assert main(["advise", "selu", "--depth", "4", "--width", "64", "--factor", "3", "--json"]) == 0
    told, found = json.loads(capsys.readouterr().out), advise("selu", 4, 64, 3.0)
    assert (told["sigma_w"], told["sigma_b"], told["interval"]) == (found.sigma_w, 0, list(found.interval))
    assert told["after"]["median"] == found.after.ratio[1]
    assert [one["name"] for one in told["before"]] == [one.name for one in found.before]
    assert told["paste"]["torch"] == found.to("torch")


def test_all_three_frameworks_are_printed_to_be_pasted(capsys):
    assert main(["advise", "z/(1+exp(-1.5*z))", "--depth", "3"]) == 0
    out = capsys.readouterr().out
    for words in ("in PyTorch:", "in Keras:", "in JAX:", "torch.nn.init.normal_", "median within a factor 10"):
        assert words in out


@pytest.mark.parametrize(
    "given",
    [
        ["tanh", "--depth", "1"],
        ["tanh", "--width", "x"],
        ["tanh", "--factor", "0.5"],
        ["tahn"],
        ["exp(z^2)"],
        ["relu2"],
    ],
)
def test_bad_input_is_one_line_and_exit_2(given, capsys):
    assert main(["advise", *given]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert "Traceback" not in err
    assert [line for line in err.splitlines() if not line.startswith("φ(z)")] == [err.splitlines()[-1]]
