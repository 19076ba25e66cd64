"""chainderiv verify --claim: the verdict, the point and the fault in words, exit code 3, and --json."""

import json
import re

import pytest

import chainderiv as cd
from chainderiv.cli import main

RIGHT = "(a2-y)*a2*(1-a2)*w2*a1*(1-a1)"


def printed(capsys, *words, code=0):
    assert main(["verify", "--depth", "2", "--points", "20", *words]) == code
    return capsys.readouterr().out


def test_a_right_claim_is_agreed_with(capsys):
    said = printed(capsys, "--claim", RIGHT, "--wrt", "b1")
    assert said.splitlines()[-1] == "agreed: 20 pairs of parameter and point judged"
    assert "the claim:" not in said
    printed(capsys, "--claim", "-(y - a2) a2 (1 - a2)", "--wrt", "b2")
    printed(capsys, "--claim", "∂C/∂w₂ = a₁ · σ'(z₂) · ∂C/∂a₂")


def test_a_wrong_claim_ends_with_3_and_its_fault_and_its_point_are_printed(capsys):
    said = printed(capsys, "--claim", RIGHT.replace("*w2", ""), code=3)
    assert "the claim: the factor w₂ is missing" in said
    assert "DISAGREED" in said
    at, ratio = re.search(r"^at (.*): claim/gradient = (.*)$", said, re.M).groups()
    point = eval(f"dict({at})")
    assert float(ratio) == pytest.approx(1 / point["w"][1], rel=1e-5)
    assert cd.evaluate(cd.Chain(2), **point, wrt="b1").sign in (-1, 1)


def test_the_point_of_a_deep_chain_is_short_and_whole_in_json(capsys):
    line = cd.derive(cd.Chain(30), "b1").to("text")
    said = printed(capsys, "--depth", "30", "--claim", line.replace("w2 ", ""), code=3)
    (at,) = [row for row in said.splitlines() if row.startswith("at ")]
    assert len(at) < 500
    assert "--json have it whole" in at
    whole = json.loads(printed(capsys, "--depth", "30", "--claim", line.replace("w2 ", ""), "--json", code=3))
    assert len(whole["worst_point"]["w"]) == 30
    assert whole["diagnosis"] == "the factor w₂ is missing"
    assert whole["passed"] is False


def test_a_claim_of_another_parameter_than_wrt_is_bad_input(capsys):
    assert main(["verify", "--depth", "2", "--claim", "dC/db2 = a1", "--wrt", "b1"]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert len(out.err.splitlines()) == 1
    assert main(["verify", "--depth", "2", "--claim", "a3"]) == 2


def test_second_derivatives_are_claimed_with_a_comma(capsys):
    printed(capsys, "--claim", cd.derive(cd.Chain(2), ("b1", "w2")).to("text"), "--wrt", "b1,w2")
