"""Every public callable answers a wrong value with an error of the package's own, or takes it; none comes from inside."""

import inspect
import math

import numpy as np
import pytest

import chainderiv as cd
from chainderiv.errors import BadValue, ChainderivError

WRONG = {"None": None, "5": 5, "x": "x", "nan": math.nan, "[]": [], "object": object()}
CHAIN = cd.Chain(2)
D = cd.derive(CHAIN, "b1")
AXIS = cd.Axis(-1, 1, 3)
SECOND = cd.derive(CHAIN, ("b1", "w2"))
LAYERS = cd.derive_layers([2, 3, 2])
BOUNDS = cd.bounds("sigmoid")
THREE = cd.LogSign(np.ones(3), np.zeros(3))
SWEPT = cd.sweep(CHAIN, w=AXIS, b=AXIS)
SIGMAS = cd.Axis(0.5, 2, 3)
PREDICTION = cd.predict([64, 4, 4, 10], data=cd.load_data("digits").take(20))
PHASES = cd.phase_diagram("tanh", sigma_w=SIGMAS, sigma_b=SIGMAS)
FILM = cd.sweep(CHAIN, depth=cd.Axis(1, 2, 2), w=AXIS, b=AXIS)
ROWS = tuple((np.full(3, 0.01 * k), np.full(3, 0.1 * k), np.ones(2)) for k in (2, 1))
RECORD = cd.TrainingRecord({}, ROWS, np.ones(2), np.ones(2), np.zeros(2), layers={"weight_norm_l2": np.ones((2, 3))})
BARS = [[0.1, 0.2]]
LOOK = {"title": "mine", "legend": True, "names": True, "cmap": "PuOr", "limits": (-3, 1), "levels": (-1,),
        "colorbar": True}  # fmt: skip
# of each callable a call that works, by the names of what it takes
RIGHT = {
    "Activation": {"name": "mine", "formula": cd.z**2, "symbol": "s", "latex": "s", "stable": cd.Stable(), "found": False},
    "Activation.from_formula": {"name": "mine", "text": "z**2", "symbol": "s", "latex": "s"},
    "Axis": {"start": 0, "stop": 1, "count": 3, "scale": "linear"},
    "Axis.parse": {"text": "0:1:3"},
    "Chain": {"depth": 2, "activation": "tanh", "cost": "quadratic", "residual": False},
    "Chain.parameter": {"self": CHAIN, "text": "b1"},
    "Chain.activation": {"self": CHAIN, "layer": 1},
    "Cost": {"name": "mine", "formula": (cd.a - cd.y) ** 2, "softmax": False},
    "Derivation.at": {"self": D, "w": 1, "b": 0, "x": 0.5, "y": 0.0},
    "Derivation.to": {"self": D, "target": "latex", "form": "factors", "spelled": False, "where": False,
                      "width": 345.0, "symbols": None, "standalone": False, "surviving": False},
    "Derivation.replace": {"self": D, "index": 0, "expression": 0},
    "Comparison": {"first": D, "second": cd.derive(CHAIN, "b2")},
    "LogSign": {"sign": 1.0, "log": 0.0},
    "LogSign.from_float": {"value": 1.0},
    "Parameter": {"kind": "b", "layer": 1},
    "Factor": {"kind": "prime", "layer": 1},
    "Gaussian": {"sigma_w": 1.5, "sigma_b": 0.2},
    "Setup": {"source": cd.Source("digits"), "seeds": 1, "width": 3, "depths": (1,), "epochs": 1},
    "Source": {"name": "digits", "folder": None, "training_images": 10, "validation_images": 10},
    "Sweep.open": {"path": "nothing.zarr"},
    "Sweep.save": {"self": SWEPT, "path": "map.txt"},
    "Sweep.part": {"self": SWEPT, "w": slice(0, 2)},
    "Sweep.cut": {"self": SWEPT, "w": 0.5},
    "Sweep.to_csv": {"self": SWEPT, "path": "map.csv"},
    "Sweep.factor": {"self": SWEPT, "layer": 1},
    "Sweep.activation": {"self": SWEPT, "layer": 1},
    "Audit.row": {"self": cd.audit("relu"), "quantity": "φ", "form": "used"},
    "Bounds.interval": {"self": BOUNDS, "w": 8, "b": 0},
    "Bounds.probability_exceeds": {"self": BOUNDS, "s": 1, "z": 0},
    "Bounds.probability_under_quarter": {"self": BOUNDS, "s": 1, "z": 0},
    "Chain.equations": {"self": CHAIN, "layer": 1},
    "Derivation.line": {"self": D, "step": D.steps[0], "target": "latex"},
    "Derivation.shown": {"self": D, "form": "latex"},
    "LayerDerivation.gradient": {"self": LAYERS, "parameter": "b1_1"},
    "LayerDerivation.to": {"self": LAYERS, "target": "latex", "where": False, "standalone": False},
    "LogSign.norm": {"self": THREE, "order": 2, "axis": 0},
    "LogSign.product": {"self": THREE, "axis": 0},
    "LogSign.__pow__": {"self": THREE, "exponent": 2},
    "SecondDerivation.at": {"self": SECOND, "w": 1, "b": 0, "x": 0.5, "y": 0.0},
    "SecondDerivation.replace": {"self": SECOND, "term": 0, "index": 0, "expression": 0},
    "SecondDerivation.shown": {"self": SECOND, "form": "latex"},
    "SecondDerivation.to": {"self": SECOND, "target": "latex", "form": "factors", "spelled": False, "where": False,
                      "width": 345.0, "symbols": None, "standalone": False, "surviving": False},
    "Setup.sizes": {"self": cd.Setup(cd.Source("digits")), "hidden": 2},
    "TrainingRecord": {"settings": {}, "bias_gradients": ROWS, "training_cost": np.ones(2), "cost": np.ones(2),
                       "accuracy": np.zeros(2), "steps": None, "layers": {}},
    "TrainingRecord.layer_norms": {"self": RECORD, "order": "l2"},
    "TrainingRecord.ratio": {"self": RECORD, "order": "l2"},
    "TrainingRecord.save": {"self": RECORD, "folder": "run"},
    "TrainingRecord.to_csv": {"self": RECORD, "path": "run.csv"},
    "TrainingRecord.load": {"folder": "nothing"},
    "TrainingRecord.norms": {"self": RECORD, "order": "l2"},
    "against_the_one_before": {"samples": [[1.0, 2.0], [2.0, 3.0]]},
    "animate_sweep": {"sweep": FILM, "path": "film.gif", "quantity": "gradient", "seconds_a_frame": 0.25, "dark": False},
    "audit": {"given": "relu", "digits": 12, "most": 200},
    "bounds": {"activation": "relu"},
    "compare": {"chain": CHAIN, "first": "b1", "second": "b2"},
    "condition": {"chain": CHAIN, "w": 1, "b": 0, "x": 0.5, "y": 0.0, "wrt": "b1", "tied": True},
    "critical_line": {"activation": "tanh", "points": 20},
    "critical_points": {"activation": "tanh", "sigma_b": 0.2},
    "critical_sigma_w": {"activation": "tanh", "sigma_b": 0.2},
    "derive": {"chain": CHAIN, "wrt": "b1"},
    "derive_layers": {"sizes": [2, 3, 2], "activation": "sigmoid", "cost": "cross_entropy", "output": None},
    "evaluate": {"chain": CHAIN, "w": 1, "b": 0, "x": 0.5, "y": 0.0, "wrt": "b1", "engine": "numpy", "tied": True},
    "advise": {"activation": "tanh", "depth": 3, "width": 20, "within": 2.0},
    "diagnose": {"model": cd.Network([4, 3, 2]), "inputs": np.ones((2, 4)), "targets": np.zeros((2, 2)), "cost": "quadratic",
                 "activation": None, "output": None, "rng": 0, "training": False},
    "gains": {"activation": "tanh"},
    "keeping": {"activation": "tanh", "depth": 3, "factor": 2.0, "sigma_b": 0.0},
    "mean_field": {"activation": "tanh", "sigma_w": 1.5, "sigma_b": 0.2},
    "parse_formula": {"text": "z**2"},
    "plot_accuracy": {"record": RECORD, "ax": None, "dark": False},
    "plot_bars": {"gradients": BARS, "ax": None, "dark": False},
    "plot_cut": {"sweep": SWEPT, "cut": {"w": 0.5}, "quantity": "gradient", "dark": False, "size": (9, 4), **LOOK},
    "plot_diagnosis": {"diagnosis": cd.diagnose(cd.Network([4, 3, 2])), "ax": None, "dark": False, "title": "mine",
                       "legend": True},
    "plot_link_map": {"activation": "relu", "w_axis": AXIS, "z_axis": AXIS, "ax": None, "dark": False, **LOOK},
    "plot_phase": {"diagram": PHASES, "ax": None, "quantity": "chi_1", "dark": False, "points": {"mine": (1.5, 0.2)}, **LOOK},
    "phase_diagram": {"activation": "tanh", "sigma_w": SIGMAS, "sigma_b": SIGMAS},
    "plot_norms": {"record": RECORD, "order": "l2", "ax": None, "dark": False, "title": "mine", "names": True,
                   "limits": (1e-3, 1)},
    "plot_sweep": {"sweep": SWEPT, "quantity": "gradient", "ax": None, "dark": False, **LOOK},
    "plot_sweeps": {"sweeps": [SWEPT], "quantity": "gradient", "dark": False, "columns": 1, "size": (4, 3), **LOOK},
    "plot_prediction": {"prediction": PREDICTION, "measured": None, "ax": None, "dark": False, "marks": None,
                  "title": "mine", "legend": True, "limits": None},
    "predict": {"sizes": [64, 4, 10], "activation": "tanh", "cost": "quadratic", "output": None, "init": "he",
                "data": cd.load_data("digits").train.first(5)},
    "quantity_at": {"name": "rate", "depth": 4},
    "random_chain": {"activation": "tanh", "sigma_w": 1.5, "sigma_b": 0.2},
    "regime": {"rate": 0.0, "band": 0.05},
    "reproduce": {"setup": cd.Setup(cd.Source("digits"), seeds=1), "only": [], "report": None},
    "run_all": {"trainings": [], "source": cd.Source("digits"), "folder": None, "executor": None, "workers": 1},
    "save_picture": {"figure": cd.plot_bars(BARS), "path": "bars.svg", "dpi": 100},
    "suitable_engine": {"derivation": D, "points": 10},
    "sweep": {"chain": CHAIN, "w": AXIS, "b": 0, "wrt": "b1", "engine": "numpy", "executor": None, "workers": 1, "out": None,
              "progress": None, "announce": None},
    "tally": {"swept": SWEPT},
    "verify": {"subject": CHAIN, "derivation": D, "points": 2, "rng": 0, "methods": ("complex step",), "progress": None},
    "watch": {"model": [(np.eye(3), np.zeros(3))], "every": 1, "layers": None, "data": None, "on_record": None, "keep": 3},
    "with_passing_layers": {"net": cd.Network([2, 3, 2]), "count": 1},
}  # fmt: skip
# rooms of their own with tests of their own, data without a check, and what takes minutes or a scheduler
ELSEWHERE = {
    "Data",
    "Split",
    "Forward",
    "Network",
    "load_data",
    "load_network",
    "train",
    "cluster",
    "erfcx",
    "normal_cdf",
}
HELD = {"Advice", "Amplifying", "Audit", "AuditRow", "Bounds", "Certainty", "CriticalLine", "CriticalPoint", "Derivation",
        "Diagnosis", "LayerDiagnosis", "Estimate", "Experiment", "FixedPoint", "Gains", "Keeping", "LayerDerivation", "LayerParameter", "MeanField", "PhaseDiagram", "Plan", "Prediction", "Quantity", "RandomChain", "Regime", "Reproduction", "ResidualField", "Row", "SecondDerivation", "Stable", "Step", "Sweep", "Tally",
        "Term", "Training", "Verification", "Watch", "WatchRecord", "WatchedLayer", "Widest"}  # fmt: skip


def called(name):
    thing = cd
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", RIGHT)
def test_a_wrong_value_is_taken_or_refused_by_an_error_of_the_package(name, wrong, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for parameter in RIGHT[name]:
        if parameter == "self" or is_default(name, parameter, WRONG[wrong]):
            continue
        given = {**RIGHT[name], parameter: WRONG[wrong]}
        self = [given.pop("self")] if "self" in given else []
        said = refusal(called(name), self, given)
        assert "\n" not in said, parameter
        assert len(said) < 500, parameter


def refusal(function, arguments, given):
    """What the package's error says; nothing where the value was taken."""
    try:
        function(*arguments, **given)
    except ChainderivError as e:
        return str(e)
    return ""


def is_default(name, parameter, value):
    stated = inspect.signature(called(name)).parameters.get(parameter)
    return stated is not None and stated.default is value


@pytest.mark.parametrize("name", RIGHT)
def test_the_calls_of_the_table_are_right(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = dict(RIGHT[name])
    self = [given.pop("self")] if "self" in given else []
    if name in ("Sweep.open", "Sweep.save", "TrainingRecord.load"):  # of what is not there, or would need zarr
        with pytest.raises(ChainderivError):
            called(name)(*self, **given)
    else:
        called(name)(*self, **given)


def test_a_place_in_a_list_of_factors_is_a_whole_number_within_it_or_a_slice():
    second = cd.derive(CHAIN, ("b1", "w2"))
    for items in (D.factors, D.places, D.links, D.assignments, second.terms):
        for wrong in ("a", None, 1.0, True, object()):
            with pytest.raises(BadValue, match="whole number"):
                items[wrong]
        with pytest.raises(IndexError, match="give one from 0") as caught:
            items[len(items)]
        assert isinstance(caught.value, ChainderivError)
        assert items[np.int64(0)] == items[0] == items[: len(items)][0]


def test_a_slice_of_what_are_no_whole_numbers_cuts_no_map():
    for wrong in (slice("a", None), slice(None, None, 0), slice(0.5, 2), 3):
        with pytest.raises(BadValue, match="w is cut by"):
            SWEPT.part(w=wrong)


def test_bars_that_are_no_finite_numbers_and_no_maps_at_all_are_refused():
    for wrong in ([[math.nan, 1]], [[math.inf]], [["x"]], None):
        with pytest.raises(BadValue, match="gradients"):
            cd.plot_bars(wrong)
    with pytest.raises(BadValue, match="sweeps is empty"):
        cd.plot_sweeps([])


def test_every_public_callable_is_in_the_table():
    public = {name for name in cd.__all__ if callable(getattr(cd, name)) and name != "errors"}
    assert public == {name for name in RIGHT if "." not in name} | ELSEWHERE | HELD
    for name in public & set(RIGHT):
        assert set(RIGHT[name]) - {"w", "b"} <= set(inspect.signature(called(name)).parameters)


@pytest.mark.parametrize("kind", [cd.Regime, cd.Certainty])
@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_no_regime_or_certainty_is_told(kind, wrong):
    assert "give one of" in refusal(kind, [WRONG[wrong]], {})
