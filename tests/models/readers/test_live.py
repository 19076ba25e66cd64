"""What lives in the program, and what a run left: the graph computes what the model does."""

import json
import warnings

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadShape, BadValue, DataError
from chainderiv.models.readers.reading import read
from tests.models.readers.plain import run

RNG = np.random.default_rng(5)
NETWORKS = {
    "quadratic": cd.Network([4, 6, 3, 2], "tanh", "quadratic", rng=1),
    "cross entropy": cd.Network([4, 6, 3], "relu", "cross_entropy", rng=2),
    "softmax": cd.Network([4, 6, 6, 3], "sigmoid", "log_likelihood", rng=3),
    "residual": cd.Network([4, 5, 5, 5, 2], "tanh", "quadratic", rng=4, residual=True),
    "of one's own": cd.Network([4, 5, 2], cd.Activation.from_formula("mine", "z*exp(-z**2)"), "quadratic", rng=4),
}
X = RNG.normal(size=(5, 4))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_is_read_as_it_computes(name):
    graph = read(NETWORKS[name])
    assert np.abs(run(graph, X) / NETWORKS[name].output(X) - 1).max() < 1e-12
    assert [n.name for n in graph.nodes if n.operator == "Gemm"] == [str(n + 1) for n in range(NETWORKS[name].depth)]


def test_what_was_read_stays_as_it_was_while_the_network_goes_on_learning():
    net = NETWORKS["quadratic"].copy()
    arrays = {"W1": np.ones((3, 4)), "b1": np.ones(3), "W2": np.ones((2, 3))}
    graphs = [read(net), read(arrays, "tanh")]
    wanted = [run(graph, X) for graph in graphs]
    for array in (*net.weights, *net.biases, *arrays.values()):
        array += 1
    assert all((run(graph, X) == y).all() for graph, y in zip(graphs, wanted, strict=True))
    assert not (run(read(net), X) == wanted[0]).any()


def test_another_output_takes_the_place_of_the_networks_own():
    net = NETWORKS["softmax"]
    assert np.allclose(run(read(net, output="identity"), X), net.forward(X).z[-1], rtol=1e-12, atol=0)
    with pytest.raises(BadValue, match="states its own"):
        read(net, "tanh")


def test_a_network_whose_weights_were_spoilt_is_told():
    net = NETWORKS["quadratic"].copy()
    net.weights[1] = np.ones((3, 7))
    with pytest.raises(BadShape, match="of layer 2"):
        read(net)
    net.weights[1] = np.full((3, 6), np.nan)
    with pytest.raises(BadValue, match="18 of 18 numbers that are NaN or inf in 'layer 2'"):
        read(net)


def test_the_folder_of_a_run_is_read_as_the_network_was_left(tmp_path, tiny):
    net = cd.Network([6, 5, 3], "tanh", rng=1)
    cd.train(net, tiny, 1, folder=tmp_path / "run")
    x = RNG.normal(size=(4, 6))
    assert np.abs(run(read(tmp_path / "run"), x) / net.output(x) - 1).max() < 1e-12


def test_a_run_that_states_more_than_it_keeps_is_refused_before_it_is_held(tmp_path, tiny):
    folder = tmp_path / "run"
    cd.train(cd.Network([6, 5, 3], "tanh", rng=1), tiny, 1, folder=folder)
    told = json.loads((folder / "run.json").read_text())
    told["settings"]["sizes"] = [200_000, 200_000]
    (folder / "run.json").write_text(json.dumps(told))
    with pytest.raises(BadValue, match=r"asks for 3\.2e\+11 bytes"):
        read(folder)
    (folder / "weights.npz").unlink()
    with pytest.raises(DataError, match="cannot be opened"):
        read(folder)
    with pytest.raises(DataError, match=r"holds no run\.json"):
        read(tmp_path)


def test_a_saved_model_of_tensorflow_is_refused(tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(BadValue, match="holds a program"):
        read(tmp_path)


@pytest.mark.parametrize("kind", ["MLPRegressor", "MLPClassifier"])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
def test_a_network_of_scikit_learn_is_read_as_it_predicts(kind, activation):
    networks = pytest.importorskip("sklearn.neural_network", reason="scikit-learn is not installed")
    mlp = getattr(networks, kind)(
        hidden_layer_sizes=(5, 4), activation=activation, solver="lbfgs", max_iter=20, random_state=0
    )
    x, y = RNG.normal(size=(40, 3)), np.arange(40) % 3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that 20 steps are few
        mlp.fit(x, y)
    wanted = mlp.predict_proba(x) if kind == "MLPClassifier" else mlp.predict(x)[:, None]
    assert np.abs(run(read(mlp), x) / wanted - 1).max() < 1e-12
    assert read(mlp, output="tanh").nodes[-1].operator == "Tanh"


def test_a_regression_of_counts_ends_in_the_exponential():
    networks = pytest.importorskip("sklearn.neural_network", reason="scikit-learn is not installed")
    mlp = networks.MLPRegressor(hidden_layer_sizes=(4,), solver="sgd", max_iter=1000, tol=1, random_state=0)
    if "loss" not in mlp.get_params():
        pytest.skip("this scikit-learn has no loss of counts")
    x = RNG.normal(size=(40, 3))
    mlp.set_params(loss="poisson").fit(x, np.arange(40) % 4)
    assert np.allclose(run(read(mlp), x)[:, 0], mlp.predict(x), rtol=1e-12, atol=0)


def test_two_classes_have_one_output():
    networks = pytest.importorskip("sklearn.neural_network", reason="scikit-learn is not installed")
    x = RNG.normal(size=(40, 3))
    mlp = networks.MLPClassifier((4,), solver="sgd", max_iter=1000, tol=1, random_state=0).fit(x, x[:, 0] > 0)
    assert np.allclose(run(read(mlp), x)[:, 0], mlp.predict_proba(x)[:, 1], rtol=1e-12, atol=0)


def test_one_that_is_not_fitted_and_a_pipeline_are_told():
    networks = pytest.importorskip("sklearn.neural_network", reason="scikit-learn is not installed")
    from sklearn.pipeline import make_pipeline

    with pytest.raises(BadValue, match="call its fit first"):
        read(networks.MLPRegressor())
    with pytest.raises(BadValue, match=r"model\[-1\]"):
        read(make_pipeline(networks.MLPRegressor()))
