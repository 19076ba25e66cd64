from dataclasses import replace

import numpy as np
import pytest

from chainderiv.errors import BadShape, BadValue, Diverged, UnknownName
from chainderiv.nn.data.data import Split, load_data
from chainderiv.nn.network import Network
from chainderiv.nn.training.descent import NumPyDescent
from chainderiv.nn.training.training import train

SIZES = [6, 5, 4, 3]


def sigma(z):
    return 1 / (1 + np.exp(-z))


def one_image_backward(weights, biases, image, label):
    """∂C/∂W and ∂C/∂b of one image, sigmoid and cross-entropy, neuron by neuron (BP1 to BP4)."""
    activations = [image]
    for W, b in zip(weights, biases, strict=True):
        a = activations[-1]
        sums = [sum(w * a for w, a in zip(row, a, strict=True)) for row in W]
        activations.append(np.array([sigma(s + c) for s, c in zip(sums, b, strict=True)]))
    delta = activations[-1] - np.eye(len(biases[-1]))[label]
    by_weights, by_biases = [], []
    for layer in reversed(range(len(weights))):
        by_biases.insert(0, delta)
        by_weights.insert(0, np.outer(delta, activations[layer]))
        a = activations[layer]
        back = [sum(weights[layer][k, j] * delta[k] for k in range(len(delta))) for j in range(len(a))]
        delta = np.array(back) * a * (1 - a)
    return by_weights, by_biases


def reference_training(net, data, epochs, batch_size, learning_rate, weight_decay, seed):
    """network2's update, image by image: w ← (1 - ηλ/n) w - (η/m) Σ ∂C/∂w, b ← b - (η/m) Σ ∂C/∂b."""
    rng, n = np.random.default_rng(seed), len(data.train)
    weights, biases = [W.copy() for W in net.weights], [b.copy() for b in net.biases]
    for _ in range(epochs):
        order = list(rng.permutation(n))
        for batch in (order[k : k + batch_size] for k in range(0, n, batch_size)):
            found = [
                one_image_backward(weights, biases, data.train.images[i].astype(float), data.train.labels[i])
                for i in batch
            ]
            for layer in range(len(weights)):
                by_weight, by_bias = (sum(f[part][layer] for f in found) for part in (0, 1))
                decay = 1 - learning_rate * weight_decay / n
                weights[layer] = decay * weights[layer] - learning_rate / len(batch) * by_weight
                biases[layer] = biases[layer] - learning_rate / len(batch) * by_bias
    return weights, biases


@pytest.mark.parametrize("weight_decay", [0.0, 5.0])
@pytest.mark.parametrize("batch_size", [1, 7, 10, 60, 1000])
def test_training_is_nielsens_update_with_weight_decay(tiny, batch_size, weight_decay):
    net = Network(SIZES)
    want = reference_training(net, tiny, 2, batch_size, 0.5, weight_decay, seed=9)
    train(net, tiny, 2, batch_size, 0.5, weight_decay, rng=9, dtype="float64")
    for got, wanted in zip((net.weights, net.biases), want, strict=True):
        for one, two in zip(got, wanted, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-10, atol=0)


def test_a_decay_by_the_batch_or_of_the_biases_would_be_caught(tiny):
    net = Network(SIZES)
    train(net, tiny, 2, 7, 0.5, 5.0, rng=9, dtype="float64")
    other = reference_training(Network(SIZES), tiny, 2, 7, 0.5, 5.0 * 1.001, seed=9)
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(net.weights[0], other[0][0], rtol=1e-10, atol=0)


def clipped(by_weights, by_biases, clip):
    """All gradients of a mini-batch scaled down together to the length clip, and whether that was shorter."""
    length = np.sqrt(sum((g * g).sum() for g in (*by_weights, *by_biases)))
    scale = min(1.0, clip / length)
    return [scale * g for g in by_weights], [scale * g for g in by_biases], length / clip


def descent_by_hand(net, data, epochs, batch_size, eta, weight_decay, momentum, clip, seed):
    """v ← μ v - η (g + (λ/n) w), w ← w + v, g the mini-batch's mean gradient of length clip at most; b without λ.

    Besides, the length of every mini-batch's gradient before it was clipped, in units of clip.
    """
    rng, n, lengths = np.random.default_rng(seed), len(data.train), []
    weights, biases = [W.copy() for W in net.weights], [b.copy() for b in net.biases]
    of_weights, of_biases = [0 * W for W in weights], [0 * b for b in biases]
    for _ in range(epochs):
        order = list(rng.permutation(n))
        for batch in (order[k : k + batch_size] for k in range(0, n, batch_size)):
            found = [
                one_image_backward(weights, biases, data.train.images[i].astype(float), data.train.labels[i])
                for i in batch
            ]
            layers = range(len(weights))
            by_weights, by_biases = ([sum(f[part][k] for f in found) / len(batch) for k in layers] for part in (0, 1))
            by_weights, by_biases, length = clipped(by_weights, by_biases, clip)
            lengths.append(length)
            for k in layers:
                of_weights[k] = momentum * of_weights[k] - eta * (by_weights[k] + weight_decay / n * weights[k])
                of_biases[k] = momentum * of_biases[k] - eta * by_biases[k]
                weights[k], biases[k] = weights[k] + of_weights[k], biases[k] + of_biases[k]
    return weights, biases, np.array(lengths)


DESCENTS = {
    "momentum": {"momentum": 0.9},
    "momentum and decay": {"momentum": 0.5, "weight_decay": 5.0},
    "clip": {"clip": 0.5},
    "all": {"momentum": 0.7, "weight_decay": 5.0, "clip": 0.5},
}


@pytest.mark.parametrize("asked", DESCENTS)
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_momentum_decay_and_clipping_are_the_rule_that_is_stated_written_out_by_hand(tiny, engine, asked):
    settings = {"momentum": 0.0, "weight_decay": 0.0, "clip": np.inf} | DESCENTS[asked]
    net = Network(SIZES)
    *want, lengths = descent_by_hand(net, tiny, 2, 7, 0.5, seed=9, **settings)
    if settings["clip"] < np.inf:  # some are clipped but little, and some are not
        assert ((lengths > 1.05) & (lengths < 1.95)).any()
        assert (lengths < 0.95).any()
    clip = None if settings["clip"] == np.inf else settings["clip"]
    train(net, tiny, 2, 7, 0.5, rng=9, dtype="float64", engine=engine, **(settings | {"clip": clip}))
    for got, wanted in zip((net.weights, net.biases), want, strict=True):
        for one, two in zip(got, wanted, strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-9, atol=0)


def bits(net, record):
    arrays = [*net.weights, *net.biases, *(g for row in record.bias_gradients for g in row), record.cost]
    return [a.tobytes() for a in arrays]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_the_same_bits_and_another_other_ones(tiny, dtype):
    runs = []
    for seed in (4, 4, np.random.default_rng(4), 5):
        net = Network(SIZES, rng=1)
        runs.append(bits(net, train(net, tiny, 3, rng=seed, dtype=dtype)))
    assert runs[0] == runs[1] == runs[2]
    assert runs[0] != runs[3]


def test_the_record_holds_what_the_network_measures(tiny):
    net, seen = Network(SIZES), []

    def on_epoch(record):
        seen.append((record, net.copy()))

    record = train(net, tiny, 3, learning_rate=1.0, on_epoch=on_epoch)
    assert [r.epochs for r, _ in seen] == [0, 1, 2, 3]
    train_part = tiny.train.images, tiny.train.labels
    held = tiny.validation.images, tiny.validation.labels
    for epoch, (_, then) in enumerate(seen):
        for got, want in zip(record.bias_gradients[epoch], then.mean_bias_gradients(*train_part), strict=True):
            np.testing.assert_array_equal(got, want)
        assert record.training_cost[epoch] == then.cost_value(*train_part)
        assert record.cost[epoch] == then.cost_value(*held)
        assert record.accuracy[epoch] == then.accuracy(*held)
    assert record.norms().shape == (4, 2)


def test_gradients_are_measured_on_the_first_1000_training_images():
    digits = load_data("digits")
    net = Network([64, 10, 10])
    record = train(net, digits, 0)
    want = net.copy("float64").mean_bias_gradients(digits.train.images[:1000], digits.train.labels[:1000])
    np.testing.assert_array_equal(record.bias_gradients[0][0], want[0])


def test_the_network_learns_and_keeps_its_dtype(tiny):
    net = Network(SIZES, "tanh", "log_likelihood", init="glorot")
    record = train(net, tiny, 60, learning_rate=0.3, weight_decay=0.0)
    assert record.accuracy[-1] > 0.9
    assert record.training_cost[-1] < record.training_cost[0] / 3
    assert {p.dtype.name for p in (*net.weights, *net.biases)} == {"float64"}
    assert {p.dtype.name for p in (Network(SIZES, dtype="float32").weights)} == {"float32"}


def test_settings_say_how_to_do_it_again(tiny):
    settings = train(Network(SIZES, "tanh", rng=3), tiny, 1, 7, 0.25, 2.0, rng=8).settings
    wanted = {
        **{"sizes": SIZES, "activation": "tanh", "output": "sigmoid", "cost": "cross_entropy"},
        **{"init": "nielsen", "init_seed": 3, "network_dtype": "float64", "dtype": "float32"},
        **{"momentum": 0.0, "clip": None, "schedule": "constant", "engine": "numpy", "steps_per_epoch": 9},
        **{"epochs": 1, "batch_size": 7, "learning_rate": 0.25, "weight_decay": 2.0, "seed": 8},
    }
    assert {key: settings[key] for key in wanted} == wanted
    assert settings["data"] == {
        "name": "tiny",
        "training_images": 60,
        "validation_images": 20,
        "sha256": tiny.sha256,
    }
    assert set(settings["versions"]) == {"chainderiv", "numpy", "python"}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence_names_epoch_layer_and_cure_and_keeps_what_was_measured(tiny, dtype):
    net = Network(SIZES, "identity", "quadratic", init="large")
    with pytest.raises(Diverged, match=r"epoch \d+: layer [123] .*smaller learning_rate") as caught:
        train(net, tiny, 5, learning_rate=30.0, weight_decay=0.0, dtype=dtype)
    assert "\n" not in str(caught.value)
    record = caught.value.record
    assert f"epoch {record.epochs + 1}:" in str(caught.value)
    assert all(np.isfinite(p).all() for p in (*net.weights, *net.biases))


@pytest.mark.parametrize(("share", "cure"), [(0.98, "smaller learning_rate"), (1.02, "smaller weight_decay")])
def test_a_decay_is_blamed_where_it_alone_would_make_the_weights_grow(tiny, share, cure):
    """1 - ηλ/n is below -1 from ηλ = 2n on."""
    net = Network(SIZES, "identity", "quadratic", init="large")
    with pytest.raises(Diverged, match=cure):
        train(net, tiny, 9, learning_rate=30.0, weight_decay=share * 2 * len(tiny.train) / 30.0, dtype="float32")


def overflowing(descent, *rest):
    """An epoch after which every parameter is finite and the cost is not."""
    descent._net.weights = [np.full_like(W, 1e60) for W in descent._net.weights]


def overflowing_at_once(net):
    net.weights = [np.full_like(W, 1e60) for W in net.weights]


def test_a_cost_that_overflows_while_the_parameters_are_finite_is_a_divergence_too(tiny, monkeypatch):
    monkeypatch.setattr(NumPyDescent, "advance", overflowing)
    net = Network(SIZES, "identity", "quadratic")
    before = [W.copy() for W in net.weights]
    with pytest.raises(Diverged, match="epoch 1: layer 3") as caught:
        train(net, tiny, 2, dtype="float64")
    assert caught.value.record.epochs == 0
    for one, two in zip(before, net.weights, strict=True):
        np.testing.assert_array_equal(one, two)


def test_a_network_that_overflows_before_training_is_refused(tiny):
    net = Network(SIZES, "identity", "quadratic")
    overflowing_at_once(net)
    with pytest.raises(BadValue, match="before training; give"):
        train(net, tiny, 1)


def test_an_interrupt_leaves_the_network_as_the_last_finished_epoch_did(tiny, monkeypatch):
    reference = Network(SIZES)
    train(reference, tiny, 2)
    calls, right = [], Network.raw_gradients

    def interrupted(*args):
        calls.append(1)
        if len(calls) == 2 * 6 + 4:  # in the third epoch of six mini-batches
            raise KeyboardInterrupt
        return right(*args)

    monkeypatch.setattr(Network, "raw_gradients", interrupted)
    net = Network(SIZES)
    with pytest.raises(KeyboardInterrupt):
        train(net, tiny, 5)
    for one, two in zip((*net.weights, *net.biases), (*reference.weights, *reference.biases), strict=True):
        np.testing.assert_array_equal(one, two)


def test_zero_epochs_measure_and_change_nothing(tiny):
    net = Network(SIZES)
    before = [W.copy() for W in net.weights]
    assert train(net, tiny, 0).epochs == 0
    for one, two in zip(before, net.weights, strict=True):
        np.testing.assert_array_equal(one, two)


def empty(data):
    return replace(data, validation=Split(data.validation.images[:0], data.validation.labels[:0]))


def foreign(data):
    return replace(data, train=Split(data.train.images, data.train.labels + 9))


BAD = {
    "epochs -1": ({"epochs": -1}, BadValue, "epochs is -1"),
    "epochs 1.5": ({"epochs": 1.5}, BadValue, "epochs is 1.5"),
    "epochs True": ({"epochs": True}, BadValue, "epochs is True"),
    "batch 0": ({"batch_size": 0}, BadValue, "batch_size is 0"),
    "rate 0": ({"learning_rate": 0}, BadValue, "> 0"),
    "rate NaN": ({"learning_rate": float("nan")}, BadValue, "> 0"),
    "rate beyond float": ({"learning_rate": 10**400}, BadValue, "> 0"),
    "folder": ({"folder": ""}, BadValue, "folder is empty"),
    "rate word": ({"learning_rate": "fast"}, BadValue, "> 0"),
    "decay -1": ({"weight_decay": -1}, BadValue, ">= 0"),
    "decay inf": ({"weight_decay": float("inf")}, BadValue, ">= 0"),
    "seed": ({"rng": "seed"}, BadValue, "numpy.random.Generator"),
    "dtype": ({"dtype": "float63"}, UnknownName, "did you mean 'float64'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_settings_get_one_line_before_anything_is_trained(tiny, case):
    settings, kind, words = BAD[case]
    with pytest.raises(kind) as caught:
        train(Network(SIZES), tiny, **settings)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("sizes", "change", "kind", "words"),
    [
        ([784, 3], lambda d: d, BadShape, "the training data do not fit"),
        ([6, 2], lambda d: d, BadValue, "the training data do not fit"),
        ([6, 3], empty, BadShape, "the validation data do not fit"),
        ([6, 3], foreign, BadValue, "the training data do not fit"),
    ],
)
def test_data_that_do_not_fit_the_network_get_one_line(tiny, sizes, change, kind, words):
    with pytest.raises(kind, match=words) as caught:
        train(Network(sizes), change(tiny), 1)
    assert "\n" not in str(caught.value)
