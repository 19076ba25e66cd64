import mpmath
import numpy as np
import pytest

from chainderiv.errors import BadShape, BadValue, CostDomain, UnknownName
from chainderiv.functions.cost import cost
from chainderiv.functions.lookup import neuron
from chainderiv.nn.network import Network

IMAGES = np.random.default_rng(1).uniform(size=(7, 4))


def saturated(z, **settings):
    """A network without hidden layers whose pre-activations are z on any image of zeros."""
    net = Network([1, len(z)], **settings)
    net.biases = [np.array(z, float)]
    return net


def test_the_output_follows_the_cost_unless_it_is_named():
    assert Network([2, 2], "tanh", "quadratic").output_activation is neuron("tanh")
    assert Network([2, 2], "tanh", "cross_entropy").output_activation is neuron("sigmoid")
    assert Network([2, 2], "tanh", "log_likelihood").output_activation is None
    assert Network([2, 2], "tanh", "quadratic", output="relu").output_activation is neuron("relu")
    assert Network([2, 2], neuron("tanh"), cost("quadratic")).activation is neuron("tanh")


def test_shapes_are_those_of_the_sizes():
    net = Network([4, 5, 3])
    assert [W.shape for W in net.weights] == [(5, 4), (3, 5)]
    assert [b.shape for b in net.biases] == [(5,), (3,)]
    run = net.forward(IMAGES)
    assert [a.shape for a in run.a] == [(7, 4), (7, 5), (7, 3)]
    assert [z.shape for z in run.z] == [(7, 5), (7, 3)]
    assert net.output(IMAGES).shape == (7, 3)
    assert net.predict(IMAGES).shape == (7,)
    assert [d.shape for d in net.deltas(IMAGES, np.zeros(7, int))] == [(7, 5), (7, 3)]


def test_the_forward_pass_is_the_layer_equation():
    net = Network([4, 5, 3], "tanh", "quadratic")
    for image, output in zip(IMAGES, net.output(IMAGES), strict=True):
        hidden = np.tanh(net.weights[0] @ image + net.biases[0])
        np.testing.assert_allclose(output, np.tanh(net.weights[1] @ hidden + net.biases[1]), rtol=1e-13, atol=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "at"), [("sigmoid", "cross_entropy"), ("tanh", "log_likelihood"), ("gelu", "quadratic")]
)
def test_dtype_is_kept_throughout(name, at, dtype):
    net = Network([4, 5, 3], name, at, dtype=dtype)
    weights, biases = net.gradients(IMAGES, np.arange(7) % 3)
    run = net.forward(IMAGES)
    arrays = [
        *net.weights,
        *net.biases,
        *weights,
        *biases,
        *run.a,
        *run.z,
        *net.deltas(IMAGES, np.arange(7) % 3),
    ]
    assert {a.dtype.name for a in arrays} == {dtype}


def test_the_same_seed_gives_the_same_parameters_in_either_dtype():
    one, two, small = (
        Network([4, 5, 3], rng=3),
        Network([4, 5, 3], rng=3),
        Network([4, 5, 3], rng=3, dtype="float32"),
    )
    other = Network([4, 5, 3], rng=np.random.default_rng(3))
    for a, b, c, d in zip(one.weights, two.weights, other.weights, small.weights, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(a.astype("float32"), d)
    assert (one.weights[0] != Network([4, 5, 3], rng=4).weights[0]).all()


def test_labels_and_their_one_hot_targets_are_the_same():
    net, labels = Network([4, 5, 3]), np.array([0, 1, 2, 2, 1, 0, 1])
    targets = np.eye(3)[labels]
    assert net.cost_value(IMAGES, labels) == net.cost_value(IMAGES, targets)
    assert net.accuracy(IMAGES, labels) == net.accuracy(IMAGES, targets)
    for one, two in zip(net.gradients(IMAGES, labels)[0], net.gradients(IMAGES, targets)[0], strict=True):
        np.testing.assert_array_equal(one, two)


def test_accuracy_counts_the_right_answers():
    net = saturated([0.0, 3.0, 1.0])
    assert net.accuracy(np.zeros((4, 1)), [1, 1, 0, 2]) == 0.5


COSTS = {
    "quadratic": lambda a, y: sum((p - q) ** 2 for p, q in zip(a, y, strict=True)) / 2,
    "cross_entropy": lambda a, y: (
        -sum(
            (q * mpmath.log(p) if q else 0) + ((1 - q) * mpmath.log(1 - p) if q != 1 else 0)
            for p, q in zip(a, y, strict=True)
        )
    ),
    "log_likelihood": lambda a, y: -sum(q * mpmath.log(p) for p, q in zip(a, y, strict=True) if q),
}


@pytest.mark.parametrize("at", COSTS)
@pytest.mark.parametrize("z", [[0.3, -1.2, 0.7], [40, -40, 5], [700, -700, 0], [3000, -2000, 1000], [-3000, 2000, 4]])
@pytest.mark.parametrize("y", [[1, 0, 0], [0, 1, 0], [0.2, 0.5, 0.3]])
def test_the_cost_is_right_where_the_outputs_saturate(at, z, y):
    net = saturated(z, cost=at)
    with mpmath.workdps(4000):  # 1 - σ(3000) has 1302 nines; log(1 - it) needs them
        powers = [mpmath.exp(v) for v in z]
        a = [p / sum(powers) for p in powers] if at == "log_likelihood" else [1 / (1 + 1 / p) for p in powers]
        want = float(COSTS[at](a, [mpmath.mpf(v) for v in y]))
    np.testing.assert_allclose(net.cost_value(np.zeros((2, 1)), [y, y]), want, rtol=1e-13, atol=0)


@pytest.mark.parametrize("z", [[0.3, -1.2, 0.7], [40, -40, 5], [300, -300, 0]])
@pytest.mark.parametrize("y", [[1, 0, 0], [0, 1, 0], [0.2, 0.5, 0.3]])
def test_the_softmax_delta_is_a_minus_y_to_all_its_digits(z, y):
    net = saturated(z, cost="log_likelihood")
    with mpmath.workdps(700):
        powers = [mpmath.exp(v) for v in z]
        a = [p / sum(powers) for p in powers]
        # y as its shares, so that it sums to 1 exactly as the one-hot rows do
        shares = [mpmath.mpf(v) / sum(map(mpmath.mpf, y)) for v in y]
        want = [float(p - q) for p, q in zip(a, shares, strict=True)]
    [got] = net.deltas(np.zeros((1, 1)), [y])
    np.testing.assert_allclose(got[0], want, rtol=1e-13, atol=0)


@pytest.mark.parametrize("at", COSTS)
def test_the_complex_cost_has_the_real_cost_as_its_real_part(at):
    net = Network([4, 5, 3], cost=at)
    moved = [W + 1e-30j for W in net.weights]
    value = net.cost_at(moved, net.biases, IMAGES, np.arange(7) % 3)
    np.testing.assert_allclose(value.real, net.cost_value(IMAGES, np.arange(7) % 3), rtol=1e-14, atol=0)
    assert value.imag != 0
    assert np.isrealobj(net.cost_at(net.weights, net.biases, IMAGES, np.arange(7) % 3))


def test_a_copy_changes_apart():
    net = Network([4, 5, 3])
    other = net.copy("float32")
    other.weights[0] += 1
    assert (other.weights[0] != net.weights[0]).all()
    assert net.weights[0].dtype.name == "float64"


CHECKED = Network([4, 5, 3])
BAD = {
    "one size": (lambda: Network([4]), BadValue, "at least two"),
    "no list": (lambda: Network(4), BadValue, "at least two"),
    "size 0": (lambda: Network([4, 0, 3]), BadValue, "at least two"),
    "size 1.5": (lambda: Network([4, 1.5, 3]), BadValue, "at least two"),
    "size 10^30": (lambda: Network([4, 10**30, 3]), BadValue, "fewer neurons"),
    "sizes 2^40": (lambda: Network([4, 2**40, 2**40, 3]), BadValue, "fewer neurons"),
    "activation": (lambda: Network([4, 3], "sigmod"), UnknownName, "did you mean 'sigmoid'"),
    "cost": (lambda: Network([4, 3], cost="crossentropy"), UnknownName, "did you mean 'cross_entropy'"),
    "output": (lambda: Network([4, 3], cost="quadratic", output="tahn"), UnknownName, "did you mean 'tanh'"),
    "init": (lambda: Network([4, 3], init="nielson"), UnknownName, "did you mean 'nielsen'"),
    "dtype": (lambda: Network([4, 3], dtype="float16"), UnknownName, "float32"),
    "no dtype": (lambda: Network([4, 3], dtype=None), UnknownName, "float32"),
    "seed -1": (lambda: Network([4, 3], rng=-1), BadValue, "numpy.random.Generator"),
    "seed 0.5": (lambda: Network([4, 3], rng=0.5), BadValue, "numpy.random.Generator"),
    "relu, cross_entropy": (lambda: Network([4, 3], output="relu"), CostDomain, "output='sigmoid'"),
    "tanh, log_likelihood": (
        lambda: Network([4, 3], cost="log_likelihood", output="tanh"),
        CostDomain,
        "leave output",
    ),
    "softmax, quadratic": (
        lambda: Network([4, 3], cost="quadratic", output="softmax"),
        CostDomain,
        "leave output",
    ),
    "one image": (lambda: CHECKED.output(IMAGES[0]), BadShape, "(n, 4)"),
    "no image": (lambda: CHECKED.output(IMAGES[:0]), BadShape, "n >= 1"),
    "pixels": (lambda: CHECKED.output(IMAGES[:, :3]), BadShape, "(n, 4)"),
    "NaN": (lambda: CHECKED.output(np.nan * IMAGES), BadValue, "finite"),
    "ragged": (lambda: CHECKED.output([[1, 2], [3]]), BadShape, "different lengths"),
    "words": (lambda: CHECKED.output([["a"] * 4]), BadShape, "numbers"),
    "label 3": (lambda: CHECKED.gradients(IMAGES, np.full(7, 3)), BadValue, "0 to 2"),
    "label -1": (lambda: CHECKED.gradients(IMAGES, np.full(7, -1)), BadValue, "0 to 2"),
    "labels of floats": (lambda: CHECKED.gradients(IMAGES, np.ones(7)), BadShape, "(7, 3)"),
    "too few labels": (lambda: CHECKED.gradients(IMAGES, [0, 1]), BadShape, "(7,)"),
    "targets NaN": (lambda: CHECKED.gradients(IMAGES, np.full((7, 3), np.nan)), BadValue, "finite"),
    "weights": (lambda: CHECKED.cost_at([], CHECKED.biases, IMAGES, np.zeros(7, int)), BadShape, "(5, 4)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_line_that_says_what_to_do(case):
    call, kind, words = BAD[case]
    with pytest.raises(kind) as caught:
        call()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
