"""scikit-learn's networks that live in the program; the library is never imported for them."""

from __future__ import annotations

from typing import Any

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.given import shown
from chainderiv.models.graph import Graph
from chainderiv.models.readers.layers import Layer, stacked
from chainderiv.models.readers.limits import copied

NAMES = {"logistic": "sigmoid", "softmax": "softmax", "identity": "identity", "tanh": "tanh", "relu": "relu"}


def graph_of_mlp(mlp: Any, output: str | Activation | None = None) -> Graph:
    """The graph of a fitted MLPClassifier or MLPRegressor, layers called 1, 2, … L.

    output : another last activation than its own (softmax, logistic or identity). Raises BadValue for one that is not
    fitted, and for NaN and inf.
    """
    model = f"the {type(mlp).__name__}"
    if not hasattr(mlp, "coefs_"):
        raise BadValue(f"{model} is not fitted; call its fit first")
    pairs = zip(mlp.coefs_, mlp.intercepts_, strict=True)
    layers = [
        Layer(str(n), copied(model, f"layer {n}", w.T), copied(model, f"layer {n}", b))
        for n, (w, b) in enumerate(pairs, 1)
    ]
    dtype = str(mlp.coefs_[0].dtype)
    last = _last(mlp.out_activation_, model) if output is None else output
    return stacked(layers, NAMES[mlp.activation], last, model, dtype)


def _last(name: str, model: str) -> str | Activation:
    if name == "exp":  # of a regression of counts
        return Activation.from_formula("exp", "exp(z)")
    if name not in NAMES:
        raise BadValue(f"{model} ends in {shown(name)}, which is not known here; give output=")
    return NAMES[name]
