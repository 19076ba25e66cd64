"""predict() against measured networks, on the digits and on the real MNIST; its doubts; and what it refuses."""

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadShape, BadValue, CostDomain, UnknownName

DIGITS = cd.load_data("digits")


def measured(sizes, networks, images, labels, **kinds):
    """ln ‖mean ∂C/∂b_l‖ of hidden layers, (networks, H), by the backward pass."""
    logs = []
    for seed in range(networks):
        net = cd.Network(sizes, rng=10_000 + seed, **kinds)
        logs.append([np.log(np.linalg.norm(g)) for g in net.mean_bias_gradients(images, labels)[:-1]])
    return np.array(logs)


def deviations(told, logs):
    """Of the means, in standard errors; and of the 5, 50 and 95 % points, as shares."""
    z = (logs.mean(axis=0) - told.mean_log) / (logs.std(axis=0, ddof=1) / np.sqrt(len(logs)))
    points = np.exp(np.quantile(logs, [0.05, 0.5, 0.95], axis=0)).T
    return z, np.column_stack([told.band[:, 0], told.median, told.band[:, 1]]) / points - 1


def test_nielsens_networks_are_as_predicted_on_the_digits_and_those_of_endless_width_are_not():
    sizes, part = [64, 30, 30, 10], DIGITS.train.first(1000)
    logs = measured(sizes, 300, part.images, part.labels)
    told = cd.predict(sizes, data=DIGITS)
    z, points = deviations(told, logs)
    assert np.abs(z).max() < 3, z
    assert np.abs(points).max() < 0.06, points
    assert np.abs(told.sd_log / logs.std(axis=0) - 1).max() < 0.1
    assert told.trusted
    wide = cd.predict([64, 1000, 1000, 10], data=DIGITS)
    assert np.abs(deviations(wide, logs)[0]).max() > 3
    assert np.abs(deviations(wide, logs)[1]).max() > 0.06


def test_networks_with_softmax_are_as_predicted_on_the_digits():
    sizes, part = [64, 30, 30, 10], DIGITS.train.first(400)
    logs = measured(sizes, 100, part.images, part.labels, cost="log_likelihood")
    told = cd.predict(sizes, cost="log_likelihood", data=part)
    z, _ = deviations(told, logs)
    assert np.abs(z).max() < 3, z
    assert np.abs(told.sd_log / logs.std(axis=0) - 1).max() < 0.25  # its own error is 0.07
    assert told.trusted
    # the same networks with sigmoids as outputs are others
    assert np.abs(deviations(cd.predict(sizes, data=part), logs)[0]).max() > 10


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [[784, 30, 10], [784, 30, 30, 10], [784, 30, 30, 30, 10]])
def test_networks_with_softmax_are_as_predicted_on_mnist(sizes, mnist):
    part = mnist.train.first(1000)
    logs = measured(sizes, 500, part.images, part.labels, cost="log_likelihood")
    told = cd.predict(sizes, cost="log_likelihood", data=mnist)
    z, points = deviations(told, logs)
    assert np.abs(z).max() < 3, z
    assert np.abs(points).max() < 0.06, points
    assert told.trusted


@pytest.mark.slow
@pytest.mark.parametrize("hidden", [1, 2, 3, 4])
def test_nielsens_networks_are_as_predicted_on_mnist(hidden, mnist):
    sizes, part = [784] + [30] * hidden + [10], mnist.train.first(1000)
    logs = measured(sizes, 1000, part.images, part.labels)
    told = cd.predict(sizes, data=mnist)
    z, points = deviations(told, logs)
    assert np.abs(z).max() < 3, z
    assert np.abs(points).max() < 0.06, points
    assert told.trusted
    if hidden == 4:  # from layer to layer, whose published geometric mean is 0.216
        ratio = np.exp((logs[:, 0] - logs[:, -1]).mean() / 3)
        error = ratio * (logs[:, 0] - logs[:, -1]).std() / 3 / np.sqrt(1000)
        assert abs(np.prod(told.ratios) ** (1 / 3) - ratio) < 3 * error
        assert abs(cd.mean_field("sigmoid", 1, 1).chi_1 ** 0.5 - ratio) > 3 * error


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [
    {"activation": "tanh", "init": "glorot"},
    {"activation": "tanh", "init": "sigma_w=1.5,sigma_b=0.2"},
    {"activation": "sigmoid", "cost": "quadratic"},
    {"activation": "tanh", "init": "critical,sigma_b=0.2", "cost": "quadratic"},
], ids=lambda kinds: " ".join(kinds.values()))  # fmt: skip
def test_other_neurons_costs_and_starts_are_as_predicted_on_mnist(kinds, mnist):
    sizes, part = [784, 50, 50, 50, 10], mnist.train.first(1000)
    logs = measured(sizes, 300, part.images, part.labels, **kinds)
    told = cd.predict(sizes, data=mnist, **kinds)
    z, _ = deviations(told, logs)
    assert told.trusted, told.doubts
    assert np.abs(z).max() < 3.5, z
    assert np.abs(told.sd_log / logs.std(axis=0) - 1).max() < 0.15


def test_a_softly_drawn_prediction_is_a_table_and_its_numbers_hang_together():
    told = cd.predict([64, 30, 20, 25, 10], "tanh", init="lecun", data=DIGITS)
    assert told.mean_log.shape == told.sd_log.shape == told.median.shape == (3,)
    assert told.band.shape == (3, 2)
    assert told.ratios.shape == told.sd_log_ratio.shape == (2,)
    np.testing.assert_allclose(np.log(told.ratios), told.mean_log[:-1] - told.mean_log[1:], rtol=0, atol=1e-12)
    assert (told.band[:, 0] < told.median).all()
    assert (told.median < told.band[:, 1]).all()
    assert "5 %" in str(told)
    assert "<table" in told._repr_html_()


def test_only_mean_lengths_products_and_shares_of_the_data_are_used():
    part = DIGITS.train.first(300)
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((64, 64)))[0]  # which keeps lengths and angles
    order = np.random.default_rng(1).permutation(300)
    first = cd.predict([64, 20, 10], data=part)
    other = cd.predict([64, 20, 10], data=cd.Split(part.images.astype(float) @ turn, part.labels[order]))
    np.testing.assert_allclose(first.mean_log, other.mean_log, rtol=0, atol=1e-6)


DOUBTS = {
    "as normal": {"init": "xavier_uniform"},
    "'orthogonal' are taken": {"init": "orthogonal"},
    "8 wide": {"sizes": [64, 30, 8, 10]},
    "chi_q is near 1": {"activation": "gelu", "init": cd.Gaussian(1.45, 0.3), "sizes": [64, *[30] * 10, 10]},
    "tell images apart": {"activation": "tanh", "init": cd.Gaussian(3, 0.2), "sizes": [64, 90, 90, 90, 90, 10]},
    "little in common": {"init": "he", "activation": "tanh",
                         "data": cd.Split(np.random.default_rng(0).standard_normal((50, 64)), np.arange(50) % 10)},
    "single images": {"activation": "tanh", "init": cd.Gaussian(4, 0.2), "sizes": [64, *[90] * 7, 10],
                      "data": DIGITS.train.first(60)},
}  # fmt: skip


@pytest.mark.parametrize(("said", "given"), DOUBTS.items(), ids=DOUBTS)
def test_what_speaks_against_the_numbers_is_said(said, given):
    told = cd.predict(**{"sizes": [64, 30, 30, 10], "data": DIGITS} | given)
    assert not told.trusted
    assert any(said in doubt for doubt in told.doubts), told.doubts
    assert f"not trusted: {told.doubts[0]}" in str(told)


def test_an_orthogonal_start_is_doubted_with_reason():
    logs = measured([64, 30, 30, 10], 20, DIGITS.train.images[:400], DIGITS.train.labels[:400], init="orthogonal")
    told = cd.predict([64, 30, 30, 10], init="orthogonal", data=DIGITS)
    assert told.sd_log[0] > 1.5 * logs[:, 0].std()


BAD = {
    "no hidden layer": ({"sizes": [64, 10]}, BadValue, "hidden layer"),
    "softmax of one output": (
        {"cost": "log_likelihood", "sizes": [64, 30, 1], "data": cd.Split(np.ones((3, 64)), np.zeros(3, int))},
        BadValue,
        "several outputs and classes",
    ),
    "own function": (
        {"init": lambda rng, m, n: (np.zeros((m, n)), np.zeros(m))},
        BadValue,
        "give a name or a Gaussian",
    ),
    "unknown start": ({"init": "nielson"}, UnknownName, "did you mean 'nielsen'"),
    "no data": ({"data": None}, BadValue, "data is None"),
    "other pixels": ({"sizes": [784, 30, 10]}, BadShape, "64 pixels"),
    "few outputs": ({"sizes": [64, 30, 4]}, BadShape, "label"),
    "no image": ({"data": cd.Split(np.zeros((0, 64)), np.zeros(0, int))}, BadShape, "no image"),
    "cost and output": ({"output": "relu"}, CostDomain, "output="),
    "nothing": ({"init": "he", "data": cd.Split(np.zeros((3, 64)), np.arange(3))}, BadValue, "all 0"),
    "weights beyond float64": ({"init": cd.Gaussian(1e200)}, BadValue, "one weight has the standard deviation"),
    "biases beyond float64": ({"init": cd.Gaussian(1, 1e200)}, BadValue, "one bias has the standard deviation"),
    "growth": ({"activation": "relu2", "init": "large", "sizes": [64, *[900] * 12, 10]}, BadValue, "smaller weights"),
}


@pytest.mark.parametrize(("given", "error", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_predicted_is_refused_in_one_line(given, error, said):
    with pytest.raises(error, match=said) as caught:
        cd.predict(**{"sizes": [64, 30, 10], "data": DIGITS} | given)
    assert "\n" not in str(caught.value)


def test_single_images_make_no_more_than_the_whole_of_a_mean():
    waves = cd.Activation.from_formula("waves", "sin(3*z)")
    told = cd.predict([64, 30, 30, 10], waves, init="large", data=DIGITS)
    (said,) = (doubt for doubt in told.doubts if "single images" in doubt)
    assert "make 100 % of the mean's square" in said
