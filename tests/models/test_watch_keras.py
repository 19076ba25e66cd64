"""Watching a model of Keras in fit() and in a loop, on whichever backend it runs; gradients against finite differences."""

import math
import subprocess
import sys

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadShape, BadValue

keras = pytest.importorskip("keras", reason="Keras is not installed; trees of arrays are watched without it")
# Keras' own variables do not know NumPy 2's copy= yet
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def built(depth=3, neuron="relu", dropout=0.0, normalised=False):
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((6,)), *[keras.layers.Dense(16, neuron, name=f"d{k}") for k in range(depth)]]
    layers += [keras.layers.Dropout(dropout)] * (dropout > 0) + [keras.layers.BatchNormalization()] * normalised
    model = keras.Sequential([*layers, keras.layers.Dense(3, name="head")], name="m")
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


X = np.random.default_rng(0).normal(size=(60, 6)).astype("float32")
Y = np.arange(60) % 3


def test_a_fit_is_recorded_with_the_gradient_of_the_batch_that_was_given():
    model, called = built(), []
    w = cd.watch(model, every=4, data=(X[:20], Y[:20]), on_record=called.append)
    assert isinstance(w, keras.callbacks.Callback)
    model.fit(X, Y, batch_size=10, epochs=2, verbose=0, callbacks=[w])
    assert [record.step for record in called] == [0, 4, 8]
    assert w.layers == ("m/d0", "m/d1", "m/d2", "m/head")
    assert w.latest.verdict == "healthy"


def cost(weights, x, y):
    """Mean cross-entropy of ReLUs in float64, by hand."""
    a = x.astype(float)
    for w, b in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        a = np.maximum(a @ w + b, 0)
    z = a @ weights[-2] + weights[-1]
    return float(np.mean(np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]))


def test_the_sizes_are_those_of_differences_of_the_cost():
    model = built()
    w = cd.watch(model, every=1, data=(X[:20], Y[:20]))
    w.set_model(model)
    w.on_train_batch_end(0)
    weights = [np.asarray(v, float) for v in model.get_weights()]
    for layer, place in zip(w.latest.layers, range(1, len(weights), 2), strict=True):
        slopes = []
        for k in range(weights[place].size):
            ends = []
            for h in (1e-6, -1e-6):
                moved = [v.copy() for v in weights]
                moved[place][k] += h
                ends.append(cost(moved, X[:20], Y[:20]))
            slopes.append((ends[0] - ends[1]) / 2e-6)
        want = math.log10(np.linalg.norm(slopes))
        assert layer.log10_norm_mean_bias_gradient == pytest.approx(want, rel=1e-4), layer


def test_watching_leaves_the_training_as_it_is_to_the_last_bit():
    def trained(watched):
        model = built(dropout=0.3, normalised=True)
        callbacks = [cd.watch(model, every=2, data=(X[:20], Y[:20]))] if watched else []
        keras.utils.set_random_seed(1)
        history = model.fit(X, Y, batch_size=10, shuffle=False, verbose=0, callbacks=callbacks)
        return [*model.get_weights(), *history.history.values()]

    assert all(np.array_equal(one, other) for one, other in zip(trained(False), trained(True), strict=True))


def test_deep_sigmoids_vanish():
    model = built(depth=12, neuron="sigmoid")
    w = cd.watch(model, every=6, data=(X, Y))
    model.fit(X, Y, batch_size=10, verbose=0, callbacks=[w])
    assert w.latest.verdict == "vanishing"


def test_a_loop_of_ones_own_gives_its_gradients_in_the_variables_order():
    model = built()
    grads = [np.full(v.shape, 1e-25, "float32") for v in model.trainable_variables]
    record = cd.watch(model).tick(grads, scale=10)
    want = math.log10(float(np.float32(1e-25)) * math.sqrt(6 * 16) / 10)
    assert record.layers[0].log10_norm_weight_gradient == pytest.approx(want, rel=1e-6)
    with pytest.raises(BadValue, match="grads has 1; give 8"):
        cd.watch(model).tick(grads[:1])
    with pytest.raises(BadShape, match=r"has shape \(1,\); give \(6, 16\)"):
        cd.watch(model).tick([np.zeros(1), *grads[1:]])


def test_what_fit_needs_is_asked_for_before_it_begins():
    model = built()
    with pytest.raises(BadValue, match=r"watched with data=\(x, y\)"):
        model.fit(X, Y, verbose=0, callbacks=[cd.watch(model)])
    with pytest.raises(BadValue, match=r"data is a ndarray; give data=\(x, y\)"):
        cd.watch(model, data=X)
    with pytest.raises(BadValue, match="is not built yet"):
        cd.watch(keras.Sequential([keras.layers.Dense(3)]))


def test_halved_precision_is_divided_by_the_optimizers_own_scale():
    keras.utils.set_random_seed(0)
    policy = keras.DTypePolicy("mixed_float16")
    layers = [keras.layers.Dense(16, "relu", dtype=policy, name="d0"), keras.layers.Dense(3, dtype=policy, name="head")]
    model = keras.Sequential([keras.layers.Input((6,)), *layers])
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(), initial_scale=1024.0), model.loss)
    w = cd.watch(model, every=1, data=(X[:20], Y[:20]))
    model.fit(X, Y, batch_size=20, verbose=0, callbacks=[w])
    assert w.latest.scale == 1024
    assert -3 < w.latest.layers[0].log10_norm_weight_gradient < 1


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch", "tensorflow"])
def test_every_backend_that_is_there_says_the_same(backend):
    pytest.importorskip(backend, reason=f"{backend} is not installed, so Keras does not run on it")
    program = """
import numpy as np, keras, chainderiv as cd
rng = np.random.default_rng(0)
model = keras.Sequential([keras.layers.Input((6,)), keras.layers.Dense(16, "tanh"), keras.layers.Dense(3)])
model.set_weights([rng.normal(size=v.shape) for v in model.weights])
model.compile("sgd", "mse")
w = cd.watch(model, every=1, data=(rng.normal(size=(20, 6)).astype("float32"), rng.normal(size=(20, 3))))
w.set_model(model)
w.on_train_batch_end(0)
print(*(round(one.log10_norm_weight_gradient, 4) for one in w.latest.layers))
"""
    where = {"KERAS_BACKEND": backend, "PATH": "", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=where, check=True)
    rng = np.random.default_rng(0)
    w1, b1, w2, b2 = (rng.normal(size=s).astype("float32").astype(float) for s in ((6, 16), (16,), (16, 3), (3,)))
    x, y = rng.normal(size=(20, 6)).astype("float32").astype(float), rng.normal(size=(20, 3))
    a = np.tanh(x @ w1 + b1)
    delta = 2 * (a @ w2 + b2 - y) / y.size
    norms = [np.linalg.norm(x.T @ (delta @ w2.T * (1 - a**2))), np.linalg.norm(a.T @ delta)]
    assert [float(word) for word in done.stdout.split()] == pytest.approx(np.log10(norms), abs=2e-4)
