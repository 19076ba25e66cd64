"""The published experiments: each number against a computation from Network alone, on digits and on the real MNIST."""

from dataclasses import replace

import numpy as np
import pytest

from chainderiv.errors import BadShape, BadValue, UnknownName
from chainderiv.experiments import published, setup as shared
from chainderiv.experiments.accuracy import Accuracy
from chainderiv.experiments.catalogue import reproduce
from chainderiv.experiments.nielsen5 import EXPERIMENTS
from chainderiv.experiments.norms import Norms
from chainderiv.experiments.passing import with_passing_layers
from chainderiv.experiments.remedies import REMEDIES
from chainderiv.experiments.runs import Source
from chainderiv.experiments.setup import DECAY, IMAGES, RATE, Setup
from chainderiv.nn.data.data import load_data
from chainderiv.nn.network import Network
from chainderiv.nn.prediction import predict
from chainderiv.nn.training.training import train
from chainderiv.records.statistics import against_the_one_before

bars, norms, accuracy, insertion, costs, remedies, ratios = (
    EXPERIMENTS[name].run for name in ("bars", "norms", "accuracy", "insertion", "costs", "remedies", "ratios")
)
SETUP = Setup(
    Source("digits"), seeds=2, width=8, depths=(1, 2, 3), deepest=(1, 3), full_batch_epochs=4, epochs=2, workers=2
)
FLOAT32 = np.finfo(np.float32).eps
SEEDS = range(SETUP.seeds)


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


@pytest.fixture(scope="module")
def measured():
    return norms(SETUP)


@pytest.fixture(scope="module")
def reached():
    return accuracy(SETUP)


def first_thousand(data):
    return data.train.images[:1000].astype(float), data.train.labels[:1000]


def hidden_norms(net, data, order=2):
    """The norms of the mean ∂C/∂b over the first 1000 images, from the deltas of each image."""
    means = [sum(delta) / 1000 for delta in net.deltas(*first_thousand(data))[:-1]]
    return [np.linalg.norm(mean, order) for mean in means]


def descended(net, data, steps):
    """The norms before each of so many full-batch steps and behind the last, w ← (1 - ηλ/1000) w - η mean ∂C/∂w."""
    rows = [hidden_norms(net, data)]
    for _ in range(steps):
        weights, biases = net.gradients(*first_thousand(data))
        net.weights = [(1 - 0.1 * 5.0 / 1000) * W - 0.1 * g for W, g in zip(net.weights, weights, strict=True)]
        net.biases = [b - 0.1 * g for b, g in zip(net.biases, biases, strict=True)]
        rows.append(hidden_norms(net, data))
    return np.array(rows)


def test_the_bars_are_the_mean_gradients_over_the_first_1000_images(digits):
    found = bars(SETUP, 3)
    net = Network([64, 8, 8, 8, 10])
    means = [delta.mean(axis=0) for delta in net.deltas(*first_thousand(digits))[:-1]]
    for got, want in zip(found.gradients, means, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-16)
    np.testing.assert_allclose(found.norms, hidden_norms(net, digits), rtol=1e-12)


def test_the_bars_norms_of_every_seed_are_those_that_norms_measures(measured):
    found = bars(SETUP, 3)
    np.testing.assert_array_equal(found.norms, found.by_seed[0])
    np.testing.assert_allclose(found.by_seed, measured.l2[3][:, 0], rtol=1e-11)


@pytest.mark.parametrize("hidden", SETUP.depths)
def test_row_0_is_the_norm_before_training_and_row_k_that_behind_k_full_batch_steps(hidden, digits, measured):
    assert measured.l2[hidden].shape == measured.l1[hidden].shape == (2, 5, hidden)
    for seed in SEEDS:
        net = Network([64, *[8] * hidden, 10], rng=seed)
        np.testing.assert_allclose(measured.l2[hidden][seed, 0], hidden_norms(net, digits), rtol=1e-11)
        np.testing.assert_allclose(measured.l1[hidden][seed, 0], hidden_norms(net, digits, 1), rtol=1e-11)
        # what is trained is rounded to float32 at every step
        np.testing.assert_allclose(measured.l2[hidden][seed], descended(net, digits, 4), rtol=200 * FLOAT32)


def test_a_norm_taken_behind_the_update_or_of_other_images_or_decay_would_be_caught(digits, measured):
    right = measured.l2[2][0]
    late = descended(Network([64, 8, 8, 10]), digits, 5)[1:]
    all_images = Setup.in_mini_batches(replace(SETUP, seeds=1), 2)[0].norms()[1]
    for wrong in (late[1], late[4], all_images):
        assert np.abs(wrong / right[1] - 1).max() > 1e3 * FLOAT32
    free = Network([64, 8, 8, 10])
    record = train(free, digits.take(1000), 4, 1000, 0.1, 0.0)
    assert np.abs(record.norms()[4] / right[4] - 1).max() > 200 * FLOAT32


def test_what_is_varied_of_the_network_is_what_is_measured(digits):
    found = norms(replace(SETUP, depths=(2,), full_batch_epochs=0), activation="tanh", init="glorot")
    for seed in SEEDS:
        net = Network([64, 8, 8, 10], "tanh", init="glorot", rng=seed)
        np.testing.assert_allclose(found.l2[2][seed, 0], hidden_norms(net, digits), rtol=1e-11)


def test_at_start_and_slower_are_the_quantiles_and_the_ratio_that_they_say():
    rng = np.random.default_rng(0)
    values = rng.uniform(1, 2, size=(21, 3, 2))
    found = Norms({2: values}, {2: 2 * values})
    start = np.sort(2 * values[:, 0], axis=0)
    np.testing.assert_allclose(found.at_start(2), [start[10], start[1], start[19]], rtol=1e-13)
    np.testing.assert_array_equal(found.slower(2), values[:, :, 1] / values[:, :, 0])


def test_a_run_that_diverges_is_not_a_number_from_there_on(monkeypatch):
    monkeypatch.setattr(shared, "RATE", 1e30)
    monkeypatch.setattr(shared, "DECAY", 0.0)
    found = norms(replace(SETUP, depths=(2,), seeds=2), activation="relu", cost="quadratic")
    assert found.l2[2].shape == (2, 5, 2)
    assert np.isfinite(found.l2[2][:, 0]).all()
    assert np.isnan(found.l2[2][:, -1]).all()


# ---- accuracy


@pytest.mark.parametrize("hidden", SETUP.depths)
def test_accuracy_is_of_networks_trained_in_mini_batches_of_10_on_all_images(hidden, digits, reached):
    of_depth = reached.by_epoch[SETUP.depths.index(hidden)]
    assert of_depth.shape == (2, 3)
    held = digits.validation.images, digits.validation.labels
    for seed in SEEDS:
        net = Network([64, *[8] * hidden, 10], rng=seed)
        assert of_depth[seed, 0] == net.accuracy(*held)
        # λ/n is Nielsen's: 5.0 per 50,000 images
        train(net, digits, 2, 10, 0.1, 5.0 * 1297 / 50_000, rng=seed, engine="numba")
        assert of_depth[seed, -1] == net.accuracy(*held)


def test_each_depth_is_compared_with_the_one_before_by_its_last_epoch(reached):
    assert reached.depths == SETUP.depths
    last = [runs[:, -1] for runs in reached.by_epoch]
    for got, want in zip(reached.final, last, strict=True):
        np.testing.assert_array_equal(got, want)
    assert reached.comparisons == tuple(against_the_one_before(last))
    assert len(reached.intervals) == 3
    for (low, high), runs in zip(reached.intervals, last, strict=True):
        assert low <= runs.mean() <= high


def of_final(*samples, depths=(1, 2, 4, 6)):
    """An Accuracy of networks that end with these."""
    runs = tuple(np.array([[0.1, a] for a in sample]) for sample in samples)
    return Accuracy(depths[: len(samples)], runs, tuple(against_the_one_before(samples)))


def test_the_sentences_say_worse_better_or_chance():
    rng = np.random.default_rng(1)
    better, chance, worse = of_final(
        *(mean + 0.002 * rng.standard_normal(12) for mean in (0.950, 0.970, 0.9701, 0.930))
    ).sentences()
    assert better.startswith("1 → 2 hidden layers: accuracy rises by ")
    assert better.endswith("12 seeds each: deeper is better")
    assert chance.startswith("2 → 4 hidden layers: accuracy ")
    assert chance.endswith(": chance explains it well enough")
    assert worse.startswith("4 → 6 hidden layers: accuracy falls by ")
    assert worse.endswith(": deeper is worse")
    assert "p < 0.0001" in worse


def test_the_numbers_of_a_sentence_are_the_comparisons():
    found = of_final([0.95, 0.96, 0.97], [0.91, 0.92, 0.93])
    [c] = found.comparisons
    assert found.sentences() == [
        f"1 → 2 hidden layers: accuracy falls by 4.00 points (95 % interval {100 * c.low:+.2f} to {100 * c.high:+.2f}); "
        f"Hedges' g {c.effect:+.2f}, Holm-corrected p = {c.p_holm:.2g}, 3 seeds each: deeper is worse"
    ]
    assert found.sentences()[0].count("-6.27") == 1  # by hand: 4 ± t(4, 97.5 %) · sqrt(2/3) points


def test_a_single_depth_is_compared_with_none():
    one = accuracy(replace(SETUP, depths=(1,), epochs=0))
    assert one.comparisons == ()
    assert one.sentences() == []


def test_one_seed_alone_is_no_sample():
    with pytest.raises(BadShape, match="each of two numbers"):
        accuracy(replace(SETUP, seeds=1, epochs=0))


def test_the_depths_of_the_accuracies_may_be_others_than_those_of_the_norms():
    assert accuracy(replace(SETUP, accuracy_depths=(1, 3), epochs=0)).depths == (1, 3)


def test_accuracy_refuses_to_compare_with_what_diverged(monkeypatch):
    monkeypatch.setattr(shared, "RATE", 1e36)
    with pytest.raises(BadValue, match="not finite"):
        accuracy(replace(SETUP, depths=(1, 2), epochs=1))


# ---- insertion


def test_inserted_layers_keep_the_accuracy_of_the_shallow_network_that_was_trained(digits, reached, tmp_path):
    held, nets = (digits.validation.images, digits.validation.labels), []
    for seed in range(SETUP.seeds):
        nets.append(Network([64, 8, 10], rng=seed))
        train(nets[-1], digits, 2, 10, RATE, DECAY * 1297 / IMAGES, rng=seed, engine="numba")
    np.testing.assert_array_equal([net.accuracy(*held) for net in nets], reached.final[0])
    for setup in (SETUP, replace(SETUP, folder=tmp_path), replace(SETUP, folder=tmp_path)):
        found = insertion(setup, reached)
        assert found.inserted == (0, 1, 2)
        np.testing.assert_array_equal(found.trained, reached.final)
        want = [[with_passing_layers(net, extra).accuracy(*held) for extra in found.inserted] for net in nets]
        np.testing.assert_array_equal(found.kept, want)
        assert np.abs(found.kept - found.kept[:, :1]).max() < 0.01


# ---- costs


def test_the_quadratic_cost_has_one_factor_more_at_the_output_and_only_one(digits):
    """δ_L = (a_L - y) σ'(z_L) of the quadratic cost, a_L - y of cross-entropy, for each image and output."""
    images, labels = first_thousand(digits)
    for seed in SEEDS:
        one, two = (Network([64, 8, 8, 10], cost=cost, rng=seed) for cost in ("cross_entropy", "quadratic"))
        run = one.forward(images)
        a = 1 / (1 + np.exp(-run.z[-1]))
        np.testing.assert_allclose(
            two.deltas(images, labels)[-1], one.deltas(images, labels)[-1] * a * (1 - a), rtol=1e-12
        )
        # below the output nothing but that factor differs: δ_{L-1} = W_L^T δ_L · σ'(z_{L-1}) of both
        slope = run.a[-2] * (1 - run.a[-2])
        for net in (one, two):
            deltas = net.deltas(images, labels)
            np.testing.assert_allclose(deltas[-2], deltas[-1] @ net.weights[-1] * slope, rtol=1e-10, atol=1e-17)


def test_costs_are_the_norms_of_both_at_the_same_start(digits, measured):
    found = costs(SETUP, measured)
    assert found.cross_entropy is measured
    for hidden in SETUP.depths:
        want = []
        for seed in SEEDS:
            quadratic = Network([64, *[8] * hidden, 10], cost="quadratic", rng=seed)
            crossed = Network([64, *[8] * hidden, 10], rng=seed)
            want.append(np.divide(hidden_norms(quadratic, digits), hidden_norms(crossed, digits)))
        np.testing.assert_allclose(found.shrinks(hidden), want, rtol=1e-10)
        # σ' <= 1/4: the means over images may cancel otherwise, but not so far
        assert (found.shrinks(hidden) < 0.5).all()


# ---- remedies


@pytest.fixture(scope="module")
def tried():
    return remedies(SETUP)


def test_each_remedy_is_its_network_measured_before_training_and_behind_it(digits, tried):
    assert tried.depths == SETUP.deepest
    assert list(tried.start) == list(tried.accuracy) == list(REMEDIES)
    held = digits.validation.images, digits.validation.labels
    for name, network in REMEDIES.items():
        assert tried.start[name].shape == (2, 3)
        net = Network([64, 8, 8, 8, 10], rng=1, **network)
        np.testing.assert_allclose(tried.start[name][1], hidden_norms(net, digits), rtol=1e-10)
        train(net, digits, 2, 10, RATE, DECAY * 1297 / IMAGES, rng=1, engine="numba")
        assert tried.accuracy[name][1][1] == net.accuracy(*held)


def test_what_a_remedy_is_called_is_what_it_is():
    for name, network in REMEDIES.items():
        net = Network([4, 3, 3, 2], **network)
        said = [net.activation.name, net.init, *(["residual"] if net.residual else [])]
        words = name.split(", ")
        assert [word for word in said if word in words] == words


def test_a_link_is_the_geometric_mean_of_neighbours(tried):
    for name, start in tried.start.items():
        each = [start[seed, layer] / start[seed, layer + 1] for seed in SEEDS for layer in range(2)]
        assert tried.link(name) == pytest.approx(np.prod(each) ** (1 / 4))
    assert tried.link("sigmoid, nielsen") < 0.5 < tried.link("relu, he")
    assert np.isnan(replace(tried, start={"one": np.ones((2, 1))}).link("one"))


def test_a_remedy_that_diverges_has_no_accuracy_and_the_others_have(monkeypatch):
    straight = {"activation": "relu", "init": "he", "cost": "quadratic", "output": "identity"}
    monkeypatch.setattr("chainderiv.experiments.remedies.REMEDIES", {"straight": straight, "sigmoid, nielsen": {}})
    monkeypatch.setattr(shared, "RATE", 1e8)  # a sigmoid's weights grow with its rate and no faster
    monkeypatch.setattr(shared, "DECAY", 0.0)
    found = remedies(replace(SETUP, deepest=(1, 3), epochs=1))
    assert all(np.isnan(of_depth).all() for of_depth in found.accuracy["straight"])
    assert all(np.isfinite(of_depth).all() for of_depth in found.accuracy["sigmoid, nielsen"])
    assert np.isfinite(found.start["straight"]).all()


def test_remedies_may_have_seeds_of_their_own():
    found = remedies(replace(SETUP, seeds=3, remedy_seeds=1, deepest=(1,), epochs=0))
    assert [len(start) for start in found.start.values()] == [1] * len(REMEDIES)


# ---- ratios


def test_ratios_are_of_each_layer_to_the_one_above_and_their_mean_is_geometric_over_all(measured):
    found = ratios(SETUP, measured)
    assert list(found.measured) == list(found.predicted.ratios) == [2, 3]
    for hidden, told in found.predicted.ratios.items():
        np.testing.assert_array_equal(told, predict(SETUP.sizes(hidden), data=load_data("digits")).ratios)
    each = []
    for hidden in (2, 3):
        for seed in SEEDS:
            start = measured.l2[hidden][seed, 0]
            want = [start[k] / start[k + 1] for k in range(hidden - 1)]
            np.testing.assert_allclose(found.measured[hidden][seed], want, rtol=1e-13)
            each += want
    assert len(each) == 6
    assert found.link == pytest.approx(np.prod(each) ** (1 / 6), rel=1e-12)
    assert found.link != pytest.approx(np.mean(each), rel=1e-6)


def test_the_mean_of_the_published_ratios_gives_each_ratio_the_same_weight():
    start = {hidden: np.array([[row]]) for hidden, row in published.START_NORMS.items()}
    product = (0.07 / 0.31) * (0.012 / 0.283) * (0.003 / 0.285)  # the norms between cancel
    assert ratios(SETUP, Norms(start, start)).link == pytest.approx(product ** (1 / 6))


# ---- all together


def test_reproduce_is_each_experiment_and_trains_no_run_twice(measured, reached, tried, tmp_path, monkeypatch):
    setup = replace(SETUP, folder=tmp_path)
    found = reproduce(setup)
    for hidden in SETUP.depths:
        np.testing.assert_array_equal(found["norms"].l2[hidden], measured.l2[hidden])
    for got, want in zip(found["accuracy"].by_epoch, reached.by_epoch, strict=True):
        np.testing.assert_array_equal(got, want)
    assert found["costs"].cross_entropy is found["norms"]
    assert found["ratios"].link == ratios(SETUP, measured).link
    np.testing.assert_array_equal(found["insertion"].kept, insertion(SETUP, reached).kept)
    for name in REMEDIES:
        np.testing.assert_array_equal(found["remedies"].start[name], tried.start[name])
    np.testing.assert_array_equal(found["bars"].norms, bars(SETUP).norms)
    # full batch of two costs, mini-batches of the depths, and of the remedies' but the sigmoid's that are among them
    runs = 2 * (2 * 3 + 3) + 2 * (len(REMEDIES) * 2 - 2)
    assert len(list(tmp_path.iterdir())) == runs

    def never(*_):
        raise AssertionError("it is trained again")

    monkeypatch.setattr("chainderiv.nn.training.training.Run._epoch", never)
    assert reproduce(setup)["accuracy"].comparisons == found["accuracy"].comparisons


def test_only_what_is_asked_for_and_what_it_needs_is_run():
    tiny = replace(SETUP, depths=(2,), full_batch_epochs=0)
    assert list(reproduce(tiny, ["ratios"])) == ["norms", "ratios"]
    assert list(reproduce(tiny, ["bars"])) == ["bars"]
    with pytest.raises(UnknownName, match="did you mean 'norms'"):
        reproduce(tiny, ["norm"])


@pytest.mark.slow
@pytest.mark.parametrize("hidden", published.START_NORMS)
def test_the_start_norms_of_20_seeds_on_the_real_mnist_hold_the_published_single_runs(mnist, hidden):
    """A published norm is one run's, rounded to a few digits: it lies between the 0.5 and the 99.5 % of such runs.

    Of log-normal norms these are the median times exp(± 2.576 s), s the standard deviation of the 20 logarithms.
    """
    setup = Setup(Source("mnist"), seeds=20, full_batch_epochs=0, depths=(hidden,), workers=2)
    start = np.log(norms(setup).l2[hidden][:, 0])
    single, middle, spread = np.log(published.START_NORMS[hidden]), np.median(start, axis=0), start.std(axis=0, ddof=1)
    assert (np.abs(single - middle) < 2.576 * spread).all()
    # the range is no wide one: a standard deviation is less than a factor of exp(0.6) = 1.8
    assert (spread < 0.6).all()


@pytest.mark.slow
def test_the_mean_ratio_on_the_real_mnist_is_the_published_one_to_a_tenth(mnist):
    """The published mean is of six ratios of three runs.

    A ratio's logarithm has a standard deviation near 0.2 from seed to seed, and six of them, from three runs that each
    share their norms, leave the mean of their logarithms uncertain by about 0.2/√6 = 0.08: a tenth is what they tell.
    """
    setup = Setup(Source("mnist"), seeds=20, full_batch_epochs=0, depths=(2, 3, 4), workers=2)
    found = ratios(SETUP, norms(setup))
    start = {hidden: np.array([[row]]) for hidden, row in published.START_NORMS.items()}
    of_the_author = ratios(SETUP, Norms(start, start)).link
    assert found.link == pytest.approx(of_the_author, rel=0.1)
    spread = np.concatenate([np.log(r).std(axis=0, ddof=1) for r in found.measured.values()])
    assert 0.1 < spread.mean() < 0.3
