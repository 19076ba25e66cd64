"""Measurements: the numbers that were measured while a network trained, and what follows from them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainderiv.errors import BadShape, BadValue, unknown_name
from chainderiv.given import of_kind
from chainderiv.kinds import Floats, Mask
from chainderiv.logsign import LogSign
from chainderiv.shown import Shown, Shows

MEASURED_IMAGES = 1000  # Nielsen (2015), chapter 5: the norms are over the first 1000 training images
SHOWN_ROWS = 60
ORDERS = {"l1": 1, "l2": 2}
COLUMNS = {
    "training_cost": "mean cost over the measured training images",
    "cost": "mean cost over the validation images",
    "accuracy": "fraction of right answers on the validation images",
}
LAYER_COLUMNS = {
    "weight_norm_l1": "Σ |mean ∂C/∂W_l|, in units of C",
    "weight_norm_l2": "‖mean ∂C/∂W_l‖, in units of C",
    "activation_mean": "mean of a_l over neurons and images",
    "activation_spread": "standard deviation of a_l over neurons and images",
    "saturated": "fraction of neurons and images with |φ'(z_l)| under a twentieth of its supremum",
    "dead": "fraction of neurons that are saturated at every image",
    "update_ratio": "‖ΔW_l‖/‖W_l‖ of the last mini-batch before the measurement; NaN in the first row",
}
# beside the above where a norm leaves float64
LOG_COLUMNS = {
    "log_weight_norm_l1": "natural logarithm of Σ |mean ∂C/∂W_l|",
    "log_weight_norm_l2": "natural logarithm of ‖mean ∂C/∂W_l‖",
}
_LEAST, _MOST = np.log(np.finfo(float).tiny), np.log(np.finfo(float).max)


def beyond(log: ArrayLike) -> Mask:
    """Where a number of that natural logarithm is none that float64 holds with all its digits; 0, inf and NaN are held.

    >>> beyond([-1000.0, 0.0, 1000.0, -np.inf])
    array([ True, False,  True, False])
    """
    return np.asarray(np.isfinite(log) & ((np.asarray(log) < _LEAST) | (np.asarray(log) > _MOST)))


def measured_images(settings: Mapping[str, Any]) -> int:
    """Over how many images the gradients of a training with these settings are measured.

    >>> measured_images({"data": {"training_images": 450}})
    450
    """
    trained: int = settings.get("data", {}).get("training_images", MEASURED_IMAGES)
    return min(MEASURED_IMAGES, trained)


def warn_of(what: str, log: ArrayLike, cure: str) -> None:
    """A RuntimeWarning where numbers that are asked for as floats leave float64."""
    if lost := int(beyond(log).sum()):
        warnings.warn(
            f"{lost} of {np.size(log)} {what} are beyond float64: 0 or few digits stand for those that underflow, inf "
            f"for those that overflow; take {cure}",
            RuntimeWarning,
            stacklevel=3,
        )


def quotient(over: Floats, under: Floats, log_over: Floats, log_under: Floats) -> Floats:
    """over / under, of sizes given with their logarithms: by these where one of the two leaves float64."""
    with np.errstate(all="ignore"):
        plain, exact = np.divide(over, under), np.exp(np.subtract(log_over, log_under))
    return np.asarray(np.where(beyond(log_over) | beyond(log_under), exact, plain))


@dataclass(frozen=True, eq=False, repr=False)
class Measurements(Shows):
    """What was measured, row by row; TrainingRecord says what each column is, and keeps it."""

    settings: dict[str, Any]
    bias_gradients: tuple[tuple[Floats, ...], ...]
    training_cost: Floats
    cost: Floats
    accuracy: Floats
    steps: NDArray[np.int64] = None  # type: ignore[assignment]
    layers: Mapping[str, Floats] = field(default_factory=dict)
    log_bias_gradients: Mapping[int, LogSign] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("bias_gradients", "training_cost", "cost", "accuracy"):
            of_kind(name, getattr(self, name), Sequence | np.ndarray, "one entry per row")
        if self.steps is None:
            object.__setattr__(self, "steps", np.arange(len(self.cost)))
        of_kind("steps", self.steps, Sequence | np.ndarray, "one entry per row")
        for name in ("settings", "layers", "log_bias_gradients"):
            of_kind(name, getattr(self, name), Mapping, "a dict")
        columns = [self.training_cost, self.cost, self.accuracy, self.steps, *self.layers.values()]
        columns += [np.asarray(layer.log) for layer in self.log_bias_gradients.values()]
        rows = [len(self.bias_gradients), *map(len, columns)]
        if len(set(rows)) != 1 or not rows[0]:
            raise BadShape(f"gradients, costs and accuracy have {rows} rows; give equally many, at least 1")

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.settings.get("sizes", [len(g) for g in self.bias_gradients[0]])))
        told = f"{len(self.cost)} rows, {self.epochs} epochs, accuracy {self.accuracy[-1]:.4f}"
        return f"{type(self).__name__}({sizes}, {told})"

    def _shown(self) -> Shown:
        """A row per epoch, those in the middle left out where there are many."""
        norms = self.log_norms()
        header = ["epoch", "accuracy %", "cost", *(f"‖δ{layer}‖" for layer in range(1, norms.shape[1] + 1))]
        whole = [row for row in range(len(self.cost)) if self.epoch[row] == int(self.epoch[row])]
        rows = [
            (f"{self.epoch[row]:g}", f"{100 * self.accuracy[row]:.2f}", f"{self.cost[row]:.4f}",
             *(f"{norm:.3g}" for norm in map(norms[row].__getitem__, range(len(header) - 3))))
            for row in whole
        ]  # fmt: skip
        if more := max(0, len(rows) - SHOWN_ROWS):
            rows[SHOWN_ROWS // 2 : -SHOWN_ROWS // 2] = [(f"… {more} more", *[""] * (len(header) - 1))]
        named = self.settings.get("data", {}).get("name")
        over = f"the L2 norm of the mean of ∂C/∂b_l over the first {measured_images(self.settings)} images"
        after = [f"{f'validation on {named}; ' if named else ''}‖δl‖ is {over}"]
        return Shown((), header, rows, [*([".rows(), --csv and --json have every row"] if more else []), *after])

    @property
    def epoch(self) -> Floats:
        """How far training was at each row, in epochs: whole numbers where it was measured between epochs."""
        return np.asarray(self.steps / self.settings.get("steps_per_epoch", 1))

    @property
    def epochs(self) -> int:
        """How many epochs are finished."""
        return int(self.epoch[-1])

    def norms(self, order: str = "l2") -> Floats:
        """‖mean ∂C/∂b_l‖ of the hidden layers, shape (rows, hidden layers); warns where one leaves float64.

        order : 'l2', as Nielsen's program has it, or 'l1', Σ_j |∂C/∂b_j|. Raises UnknownName for another.
        """
        warn_of("norms", self.log_norms(order).log, "log_norms")
        return self.norm_columns()[f"norms_{order}"]

    def log_norms(self, order: str = "l2") -> LogSign:
        """norms() as sign and natural logarithm, which do not underflow; g[:, -1] / g[:, 0] is their ratio.

        Examples
        --------
        >>> from chainderiv import Network, TrainingRecord
        >>> deep = Network([1] + [1] * 600 + [1], rng=0).log_mean_bias_gradients([[0.5]], [[0.0]])
        >>> layers = {l: LogSign(g.sign[None], g.log[None]) for l, g in enumerate(deep, 1)}
        >>> floats = (tuple(g.to_float() for g in deep),)
        >>> record = TrainingRecord({}, floats, *np.ones((3, 1)), log_bias_gradients=layers)
        >>> bool(record.log_norms().log10[0, 0] < -400)
        True
        """
        logs = self._norms(order)
        return LogSign.of(*(self._columns([getattr(norm, part) for norm in logs]) for part in ("sign", "log")))

    def _norms(self, order: str) -> list[LogSign]:
        """Each hidden layer's, of every row."""
        return self.all_norms(order)[:-1]

    def all_norms(self, order: str) -> list[LogSign]:
        """Each layer's, the last one's too, of every row."""
        if not isinstance(order, str) or order not in ORDERS:
            raise unknown_name("norm", order, ORDERS)
        # by logarithms: the squares of a vanishing layer would underflow long before its norm does
        floats = list(zip(*self.bias_gradients, strict=True))
        logs = self.log_bias_gradients
        layers = (
            logs[layer] if layer in logs else LogSign.from_float(np.array(rows)) for layer, rows in enumerate(floats, 1)
        )
        return [gradients.norm(ORDERS[order], axis=1) for gradients in layers]

    def norm_columns(self) -> dict[str, Floats]:
        """norms_l1 and norms_l2, and where a gradient leaves float64 their natural logarithms, by name."""
        floats = {f"norms_{o}": self._columns([norm.to_float() for norm in self._norms(o)]) for o in ORDERS}
        if not self.log_bias_gradients:
            return floats
        return floats | {f"log_norms_{o}": self.log_norms(o).log for o in ORDERS}

    def _columns(self, layers: list[Floats]) -> Floats:
        return np.array(layers, float).reshape(len(layers), len(self.cost)).T

    def layer_norms(self, order: str = "l2") -> Floats:
        """‖mean ∂C/∂W_l‖ of the hidden layers, shape (rows, hidden layers); warns and raises UnknownName as norms does.

        Where one leaves float64, layers["log_weight_norm_l2"] and the like hold the natural logarithms.
        """
        if not isinstance(order, str) or order not in ORDERS:
            raise unknown_name("norm", order, ORDERS)
        name = f"weight_norm_{order}"
        if name not in self.layers:
            raise BadValue(f"the record holds no {name}; measure it by train()")
        if f"log_{name}" in self.layers:
            warn_of("norms of ∂C/∂W", self.layers[f"log_{name}"][:, :-1], f'record.layers["log_{name}"]')
        return self.layers[name][:, :-1]

    def ratio(self, order: str = "l2") -> Floats:
        """The last hidden layer's norm over the first's, shape (rows,): how much slower it learns.

        NaN without a hidden layer or where both are 0; warns where it leaves float64, which the ratio of log_norms does
        not. Raises UnknownName for an order but 'l1' and 'l2'.
        """
        norms = self._norms(order)
        if not norms:
            return np.full(len(self.cost), np.nan)
        first, last = norms[0], norms[-1]
        warn_of("ratios", (last / first).log, "g[:, -1] / g[:, 0] of g = log_norms()")
        return quotient(last.to_float(), first.to_float(), last.log, first.log)

    def rows(self) -> list[dict[str, Any]]:
        """Each row as a dict of numbers and of lists with an entry per layer; NaN is None, as JSON has it.

        Where a gradient leaves float64, log_norms_l1 and log_norms_l2 are among them.
        """
        columns = {name: getattr(self, name) for name in COLUMNS} | self.norm_columns() | dict(self.layers)
        return [
            {"epoch": float(epoch), "step": int(step), **{name: _plain(c[row]) for name, c in columns.items()}}
            for row, (epoch, step) in enumerate(zip(self.epoch, self.steps, strict=True))
        ]


def _plain(value: Any) -> Any:
    numbers = np.asarray(value, float)
    if numbers.ndim:
        return [_plain(v) for v in numbers]
    return None if np.isnan(numbers) else float(numbers)
