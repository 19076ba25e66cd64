"""The numbers that commands print stand under their names and in their units; each is worked out here once more."""

import json
import re

import mpmath as mp
import numpy as np
import pytest

import chainderiv as cd
from chainderiv.cli import main
from chainderiv.nn.data.data import load_data
from chainderiv.nn.network import Network
from chainderiv.pages.tour import tour as tour_module
from chainderiv.pages.tour.tour import TourResult
from tests import plain, plain_map
from tests.backpropagation import mean_bias_gradients
from tests.helpers import bound

NUMBER = r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?"


def printed(capsys, *words, code=0):
    assert main([*words]) == code
    return capsys.readouterr().out


def columns(lines):
    """A table's rows as name -> cell; the names are the first line's, and each column begins where its name does."""
    head, rule, *rows = lines
    starts = [match.start() for match in re.finditer(r"-+", rule)]
    ends = [*starts[1:], None]
    names = [head[i:j].strip() for i, j in zip(starts, ends, strict=True)]
    return [
        dict(zip(names, (row[i:j].strip() for i, j in zip(starts, ends, strict=True)), strict=True)) for row in rows
    ]


def test_a_maps_shares_extremes_and_zeros_are_printed_in_their_units(capsys):
    lines = printed(capsys, "map", "--w", "-12:12:61", "--b", "-10:10:41").splitlines()
    w, b = plain_map.grid((-12, 12), (-10, 10), (61, 41))
    size = plain_map.log10_gradient(w, b)
    finite = size[np.isfinite(size)]
    low, high = re.fullmatch(rf"  log10 of its size: ({NUMBER}) to ({NUMBER})", lines[1]).groups()
    assert (float(low), float(high)) == pytest.approx((finite.min(), finite.max()), rel=5e-4)
    assert lines[2] == f"  exactly 0 at {np.isneginf(size).sum()} of {size.size} points"
    shares = plain_map.regions(w, b) | {"every link below 1/4": plain_map.largest_link(w, b) < 0.25}
    assert lines[3:] == [f"  {name}: {100 * np.mean(where):.2f} %" for name, where in shares.items()]
    assert all(0 < np.mean(where) < 1 for where in shares.values())


def test_a_map_without_a_known_size_names_none(capsys):
    """Of w = 0 the gradient is exactly 0; of the other points a_L leaves even the logarithm."""
    lines = printed(
        capsys, "map", "--depth", "8", "--activation", "exp(exp(z))", "--w", "0:8:2", "--b", "0:1:2"
    ).splitlines()
    assert not any("log10 of its size" in line for line in lines)
    assert lines[1] == "  exactly 0 at 2 of 4 points"
    assert lines[2] == "  undefined at 2 of 4 points"


def test_a_maps_share_of_uncertain_points_is_in_per_cent(capsys):
    lines = printed(capsys, "map", "--depth", "100", "--activation", "silu", "--w", "-9:9:61", "--b", "-5:5:31")
    uncertain = cd.sweep(cd.Chain(100, "silu"), w=cd.Axis(-9, 9, 61), b=cd.Axis(-5, 5, 31)).uncertain
    share, points = 100 * uncertain.mean(), f"{uncertain.sum()} of {uncertain.size} points"
    assert 1 < share < 100
    assert f"  uncertain by over 1e-9 in the logarithm: {share:.2f} %, {points}" in lines.splitlines()


def planted(monkeypatch, factor):
    """The command's derivation has its factor 3, w₃, multiplied by so much."""
    from chainderiv.commands import verify as command
    from chainderiv.symbolic.derive import derive

    def wrong(chain, wrt):
        derivation = derive(chain, wrt)
        return derivation.replace(3, factor * derivation.factors[3])

    monkeypatch.setattr(command, "derive", wrong)


def test_verify_prints_the_worst_difference_under_worst_and_the_bound_under_allowed(monkeypatch, capsys):
    """Of a factor that is a thousandth too large the difference is ln 1.001, and the design allows about 1e-12."""
    planted(monkeypatch, 1.001)
    lines = printed(capsys, "verify", "--wrt", "b1", "--points", "5", code=3).splitlines()
    rows = columns(lines[:5])
    assert [row["method"] for row in rows] == ["complex step", "mpmath differences", "float64 differences"]
    for row in rows[:2]:
        assert float(row["worst |Δlog|"]) == pytest.approx(np.log(1.001), rel=0.06)
        # the bound is one of these gradients', of which each has a logarithm in the range that stands beside it
        logs = [float(end) * np.log(10) for end in row["log10 |gradient|"].split(" to ")]
        assert 0.9 * min(bound(logs, 0)) < float(row["allowed"]) < 1e-9
        assert row[""] == "FAILED"
    worst, allowed = re.search(rf"\|Δlog\| = ({NUMBER}) of ({NUMBER}) allowed; the fault", lines[5]).groups()
    assert float(worst) == pytest.approx(np.log(1.001), rel=0.06)
    assert 0 < float(allowed) < 1e-9


def test_verify_that_agrees_prints_no_difference_above_what_is_allowed(capsys):
    lines = printed(capsys, "verify", "--depth", "3", "--points", "8").splitlines()
    rows = columns([line for line in lines if not line.startswith(("worst:", "a relative error", "agreed:"))])
    judged = [row for row in rows if row["allowed"]]
    assert len(judged) >= 14
    for row in judged:
        assert float(row["worst |Δlog|"]) <= float(row["allowed"])
        assert row[""] == "ok"
        assert re.fullmatch(r"[1-8]/8", row["judged"])
    # a bound is nowhere met by accident: the judges with digits to spare are far below it
    spare = [row for row in judged if row["method"] == "mpmath differences"]
    assert min(float(row["worst |Δlog|"]) / float(row["allowed"]) for row in spare) < 0.5
    assert lines[-1].startswith(f"agreed: {7 * 8} pairs")


@pytest.mark.parametrize("name", ["sigmoid", "tanh"])
def test_derive_at_prints_every_factor_every_link_and_their_product(capsys, name):
    w, b, x, y = 2.5, -0.75, 0.5, 0.25
    printed_lines = printed(
        capsys, "derive", "--activation", name, "--at", f"w={w},b={b}", "--x", str(x), "--y", str(y)
    ).splitlines()
    z, a = plain.orbit([name] * 4, [w] * 4, [b] * 4, x)
    primes = [plain.phi_prime(name, at) for at in z]
    letter = {"sigmoid": "σ", "tanh": "tanh"}[name]
    below = "₁₂₃₄"
    want = [(f"{letter}'(z₁)", primes[0])]
    for k in (1, 2, 3):
        want += [(f"w{below[k]}", mp.mpf(w)), (f"{letter}'(z{below[k]})", primes[k])]
    want += [("∂C/∂a₄", a[-1] - y)]
    want += [(f"link w{below[k]} {letter}'(z{below[k]})", w * primes[k]) for k in (1, 2, 3)]
    product = plain.gradient([name] * 4, "quadratic", [w] * 4, [b] * 4, x, y, "b1")
    assert printed_lines[2] == f"at x = {x}, y = {y}, w = {w}, b = {b}:"
    assert len({f"{float(value):.6g}" for _, value in want[-3:]}) == 3
    assert [re.sub(r" +=", " =", line.strip()) for line in printed_lines[3:]] == [
        *(f"{what} = {float(value):.6g}" for what, value in want),
        f"product = {float(product):.6g}, log10 = {float(mp.log10(abs(product))):.6g}",
    ]


def test_train_says_over_how_many_images_its_norms_are(capsys):
    words = ["train", "--dataset", "digits", "--layers", "64,12,12,10", "--epochs", "0"]
    lines = printed(capsys, *words).splitlines()
    (count,) = re.findall(r"over the first (\d+) images", lines[-1])
    (norms,) = json.loads(printed(capsys, *words, "--json"))["norms_l2"]
    train, net = load_data("digits").train, Network([64, 12, 12, 10], rng=0)

    def over(count):
        images, targets = train.images[:count].astype(float), np.eye(10)[train.labels[:count]]
        return [np.linalg.norm(g) for g in mean_bias_gradients(images, targets, net.weights, net.biases)[:-1]]

    assert int(count) < len(train)
    np.testing.assert_allclose(norms, over(int(count)), rtol=1e-9)
    assert norms[0] != pytest.approx(over(int(count) - 1)[0], rel=1e-6)
    assert lines[2].split()[-2:] == [f"{norm:.3g}" for norm in norms]


@pytest.mark.parametrize(("verified", "code"), [(True, 0), (False, 3)])
def test_tour_prints_its_numbers_under_their_names_and_ends_with_3_where_the_judges_disagree(
    monkeypatch, tmp_path, capsys, verified, code
):
    found = TourResult(tmp_path, tmp_path / "index.html", -5.5, 1.25, 3e-10, 8.0, verified)
    monkeypatch.setattr(tour_module, "tour", lambda *_, **__: found)
    assert printed(capsys, "tour", code=code).splitlines() == [
        f"open {tmp_path / 'index.html'}",
        "log10 |∂C/∂b₁| on the map: -5.50 to 1.25 (it is exactly 0 where w is)",
        "worst disagreement of the verification: |Δlog| = 3.0e-10",
        "last over first hidden layer's gradient norm: 8.00 (before training)",
    ]
    said = printed(capsys, "tour", "--json", code=code)
    assert f'"norm_ratio": {found.norm_ratio}' in said
    assert f'"verified": {str(verified).lower()}' in said
