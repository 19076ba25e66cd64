"""The cure of a sick network: lines that a program of PyTorch, Keras or JAX runs, after which the network is healthy."""

import os

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue, UnknownName

from .networks import Builder
from .sound import KINDS, PLANTS, STARTS, arrays, block, planted

SIZES = [20, *[30] * 8, 10]
TARGETS = ["torch", "keras", "jax"]


def he(sizes=SIZES, seed=0):
    return arrays(np.random.default_rng(seed), sizes, STARTS["He, relu"][1])


def diagnosed(made, activation="relu"):
    return cd.diagnose(made, activation=activation, output="identity")


def weights_times(factor):
    return lambda made: made["W4"].__imul__(factor)


def bias_of(value):
    return lambda made: made["b4"].__iadd__(value)


def weights_of(value):
    return lambda made: made["W4"].fill(value)


# what is planted in layer 4: the activation, how, the verdict, and what the lines do
SICK = {
    "weights times 100": ("relu", weights_times(100), "exploding", "W4"),
    "weights over 100": ("relu", weights_times(0.01), "unbalanced", "W4"),
    "weights of 0": ("relu", weights_of(0.0), "blocked", "W4"),
    "a bias that kills": ("relu", bias_of(-100.0), "blocked", "b4"),
    "weights that kill": ("relu", weights_of(-1.0), "blocked", "W4"),
    "a bias that saturates": ("tanh", bias_of(-8.0), "vanishing", "b4"),
    "weights that saturate": ("tanh", weights_times(100), "unbalanced", "W4"),
}


def sick(name):
    activation, plant, *_ = SICK[name]
    made = he() if activation == "relu" else arrays(np.random.default_rng(0), SIZES, STARTS["Xavier, tanh"][1])
    plant(made)
    return made, activation


@pytest.fixture
def jax_params():
    return pytest.importorskip("jax", reason="jax is not installed").numpy.asarray


def cured_by_jax(found, made, as_jax):
    scope = {"params": {name: as_jax(array) for name, array in made.items()}}
    exec(found.cure("jax"), scope)
    return {name: np.asarray(array, float) for name, array in scope["params"].items()}


@pytest.mark.parametrize("name", SICK)
def test_one_layer_to_blame_is_cured_alone(name):
    made, activation = sick(name)
    found = diagnosed(made, activation)
    *_, verdict, tensor = SICK[name]
    assert (found.verdict, found.culprit) == (verdict, 4)
    assert found.to_do.startswith("layer 4 (W4): ")
    first = found.remedy.edits[0]
    assert first.tensor == tensor
    assert {edit.tensor for edit in found.remedy.edits} <= {"W4", "b4"}
    # done by hand it cures
    sizes = dict.fromkeys(made, 1.0) | {edit.tensor: edit.factor for edit in found.remedy.edits}
    for tensor, factor in sizes.items():
        if factor is None:
            sigma_w = cd.advise(activation, 8, 30).sigma_w
            made[tensor] = np.random.default_rng(1).normal(size=made[tensor].shape) * sigma_w / 30**0.5
        else:
            made[tensor] *= factor
    again = diagnosed(made, activation)
    assert (again.verdict, again.culprit) == ("healthy", None)


def test_a_factor_that_is_taken_the_wrong_way_does_not_cure():
    made, _ = sick("weights times 100")
    (edit,) = diagnosed(made).remedy.edits
    made["W4"] /= edit.factor
    assert diagnosed(made).verdict != "healthy"


@pytest.mark.parametrize("name", SICK)
def test_the_lines_for_jax_cure(name, jax_params):
    made, activation = sick(name)
    again = diagnosed(cured_by_jax(diagnosed(made, activation), made, jax_params), activation)
    assert (again.verdict, again.culprit) == ("healthy", None)


def test_the_lines_for_jax_cure_one_layer_of_a_stack_and_leave_the_others(jax_params):
    made = {"W": np.stack([he()[f"W{k}"] for k in range(2, 9)])}
    made["W"][3] *= 100
    found = diagnosed(made)
    cured = cured_by_jax(found, made, jax_params)
    assert found.culprit == 4
    assert diagnosed(cured).verdict == "healthy"
    np.testing.assert_array_equal(np.delete(cured["W"], 3, 0), np.delete(made["W"], 3, 0).astype("f4").astype(float))


def torch_network(made, activation):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    neuron = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "sigmoid": torch.nn.Sigmoid}[activation]
    layers = []
    for k in range(1, len(made) // 2 + 1):
        layers += [torch.nn.Linear(*made[f"W{k}"].shape[::-1]), neuron()]
        layers[-2].weight.data[:] = torch.as_tensor(made[f"W{k}"])
        layers[-2].bias.data[:] = torch.as_tensor(made[f"b{k}"])
    return torch.nn.Sequential(*layers[:-1])


def cured_by_torch(found, model):
    import torch

    torch.manual_seed(0)
    exec(found.cure("torch"), {"model": model})
    return cd.diagnose(model)


@pytest.mark.parametrize("name", SICK)
def test_the_lines_for_torch_cure(name):
    model = torch_network(*sick(name))
    found = cd.diagnose(model)
    assert found.culprit == 4
    again = cured_by_torch(found, model)
    assert (again.verdict, again.culprit) == ("healthy", None)


# networks in which all layers are to blame: the neuron, the standard deviation of weights times √fan-in, the verdict
ALL_SICK = {
    "sigmoid": ("sigmoid", 1.0, "vanishing"),
    "relu": ("relu", 1.0, "vanishing"),
    "large": ("relu", 2.0, "exploding"),
}


def all_sick(name):
    activation, sigma_w, _ = ALL_SICK[name]
    depth = 12 if activation == "sigmoid" else 20
    return arrays(np.random.default_rng(3), [20, *[30] * depth, 10], lambda n, m: sigma_w * m**-0.5), activation


@pytest.mark.parametrize("name", ALL_SICK)
def test_where_all_layers_are_to_blame_the_lines_draw_all_anew(name, jax_params):
    made, activation = all_sick(name)
    found = diagnosed(made, activation)
    assert (found.verdict, found.culprit) == (ALL_SICK[name][2], None)
    assert repr(cd.advise(activation, len(made) // 2 - 1, 30).sigma_w) in found.cure("jax")
    assert ("tanh, in place" in found.cure("jax")) == (activation == "sigmoid")
    # JAX keeps (fan_in, fan_out), which is the other way round here
    turned = {name: array.T for name, array in made.items()}
    assert diagnosed(cured_by_jax(found, turned, jax_params), activation).verdict == "healthy"


@pytest.mark.parametrize("name", ALL_SICK)
def test_the_lines_for_torch_draw_all_anew(name):
    model = torch_network(*all_sick(name))
    assert cured_by_torch(cd.diagnose(model), model).verdict == "healthy"


def test_the_lines_for_torch_draw_convolutions_as_well():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    torch.manual_seed(1)
    layers = [torch.nn.Conv2d(3, 16, 3, padding=1), torch.nn.ReLU()]
    for _ in range(10):
        layers += [torch.nn.Conv2d(16, 16, 3, padding=1), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(16 * 64, 10))
    with torch.no_grad():
        for layer in model[:-2:2]:
            layer.weight.mul_(0.5)
    inputs = np.random.default_rng(0).normal(size=(4, 3, 8, 8)).astype("f4")
    found = cd.diagnose(model, inputs)
    assert (found.verdict, found.culprit) == ("vanishing", None)
    exec(found.cure("torch"), {"model": model})
    assert cd.diagnose(model, inputs).verdict == "healthy"


# Keras copies its variables in a way that NumPy 2 has a word on
OF_KERAS_AND_NUMPY_2 = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def keras_network(made, activation):
    pytest.importorskip("jax", reason="jax is not installed")
    os.environ.setdefault("KERAS_BACKEND", "jax")  # read when Keras is imported; its own is TensorFlow
    keras = pytest.importorskip("keras", reason="keras is not installed")
    depth = len(made) // 2
    dense = [
        keras.layers.Dense(len(made[f"W{k}"]), activation if k < depth else None, name=f"fc{k}")
        for k in range(1, depth + 1)
    ]
    model = keras.Sequential([keras.Input((made["W1"].shape[1],)), *dense])
    for k, layer in enumerate(dense, 1):
        layer.set_weights([made[f"W{k}"].T, made[f"b{k}"]])
    return model


def cured_by_keras(model, path):
    model.save(path)
    found = cd.diagnose(str(path))
    assert found.accused
    exec(found.cure("keras"), {"model": model})
    model.save(path)
    return cd.diagnose(str(path))


@OF_KERAS_AND_NUMPY_2
@pytest.mark.parametrize("name", SICK)
def test_the_lines_for_keras_cure(name, tmp_path):
    again = cured_by_keras(keras_network(*sick(name)), tmp_path / "m.keras")
    assert (again.verdict, again.culprit) == ("healthy", None)


@OF_KERAS_AND_NUMPY_2
@pytest.mark.parametrize("name", ALL_SICK)
def test_the_lines_for_keras_draw_all_anew(name, tmp_path):
    assert cured_by_keras(keras_network(*all_sick(name)), tmp_path / "m.keras").verdict == "healthy"


def residual(branches, gain):
    b = Builder((64, 24), seed=5)
    t = b.add("MatMul", "x", b.weight(24, 24))
    for _ in range(branches):
        t = block(b, t, KINDS[0], 24, gain)
    return b.graph(b.add("MatMul", t, b.weight(24, 10), name="head"))


def test_branches_that_add_up_are_scaled_by_the_root_of_their_number():
    graph = residual(16, 2**0.5)
    found = cd.diagnose(graph)
    assert (found.verdict, found.culprit) == ("exploding", None)
    assert {edit.factor for edit in found.remedy.edits} == {0.25}
    assert len(found.remedy.edits) == 16
    for edit in found.remedy.edits:
        graph.constants[edit.tensor] *= edit.factor
    assert cd.diagnose(graph).verdict == "healthy"


@pytest.mark.parametrize("number", [k * len(STARTS) for k in range(2 * len(PLANTS))])
def test_what_is_planted_is_cured_by_the_edits_alone(number):
    what, layer, activation, made = planted(number)
    found = diagnosed(made, activation)
    assert found.culprit == layer
    for edit in found.remedy.edits:
        assert edit.factor is not None, what
        made[edit.tensor] *= edit.factor
    assert diagnosed(made, activation).verdict == "healthy", what


@pytest.mark.parametrize("target", TARGETS)
def test_a_healthy_network_has_nothing_to_cure(target):
    found = diagnosed(he())
    assert found.cure(target) == "# healthy: there is nothing to cure"
    with pytest.raises(UnknownName, match="tensorflow"):
        found.cure("tensorflow")


def test_what_is_unknown_has_no_cure():
    b = Builder((4, 3))
    t = b.add("MatMul", b.add("MaxRoiPool", b.add("MatMul", "x", b.weight(3, 3)), name="pick"), b.weight(3, 3))
    with pytest.raises(BadValue, match="unknown, and so is a cure: .*MaxRoiPool at 'pick'"):
        cd.diagnose(b.graph(t)).cure("torch")


@pytest.mark.parametrize("target", TARGETS)
def test_where_no_layer_is_to_blame_and_nothing_passes_a_comment_says_what_to_change(target):
    found = cd.diagnose(he(), np.zeros((3, 20)), activation="relu", output="identity")
    assert found.verdict == "blocked"
    assert found.cure(target).startswith("# no layer is to blame; give inputs that are not 0")
    compile(found.cure(target), "pasted", "exec")


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", SICK)
def test_all_lines_are_programs(name, target):
    compile(diagnosed(*sick(name)).cure(target), "pasted", "exec")
