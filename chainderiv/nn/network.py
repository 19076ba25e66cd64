"""Network: fully connected layers of any width, with a backward pass of its own, written layer by layer.

It serves as an oracle that is independent of the symbolic derivation: it shares the formulas of φ, φ' and the
cost with it, and nothing else.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from chainderiv.compiling.arrays import array_functions
from chainderiv.errors import BadShape, BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import Cost, cost as find_cost
from chainderiv.functions.lookup import neuron
from chainderiv.given import generator
from chainderiv.kinds import Array
from chainderiv.logsign import LogSign
from chainderiv.nn.checks import float_type, image_rows, sizes_to_draw, target_rows
from chainderiv.nn.initialise import initialiser
from chainderiv.nn.output_layer import output_layer, value
from chainderiv.nn.starts import Gaussian
from chainderiv.nn.wide_backward import means, plain_enough, told, weight_means, wide_deltas, wide_slopes
from chainderiv.shown import Shown
from chainderiv.wide import Wide, to_log_sign

HOLDS = "{}, which holds its logarithm"


@dataclass(frozen=True, eq=False)
class Forward:
    """What a forward pass computed.

    z : the pre-activations z_1 … z_L, each (n, n_l).
    a : the activations a_0 … a_L, each (n, n_l); a_0 are the images.

    Examples
    --------
    >>> [a.shape for a in Network([64, 30, 10]).forward(np.zeros((5, 64))).a]
    [(5, 64), (5, 30), (5, 10)]
    """

    z: tuple[Array, ...]
    a: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Exact:
    """What a way back in wide numbers computed: δ_1 … δ_L of each image; and a_0 … a_{L-1}."""

    deltas: list[Wide]
    a: Sequence[Array]

    def bias_means(self) -> list[Wide]:
        """The means of ∂C/∂b_l."""
        return means(self.deltas)

    def means(self) -> tuple[list[Wide], list[Wide]]:
        """The means of ∂C/∂W_l and ∂C/∂b_l."""
        return weight_means(self.deltas, self.a), means(self.deltas)


class Network:
    """A fully connected network: z_l = W_l a_{l-1} + b_l, a_l = φ(z_l), and the cost C(a_L, y).

    Parameters
    ----------
    sizes : list of ints. Neurons per layer, inputs first.
    activation : name or Activation of the hidden layers.
    cost : name or Cost.
    output : name or Activation of the last layer, or 'softmax'. None: the sigmoid for cross_entropy, softmax
        for log_likelihood, else the hidden one.
    init : name in chainderiv.INITIALISERS, or another for it: kaiming_normal is he, xavier_uniform glorot_uniform; a
        Gaussian, or its text, 'sigma_w=1.5,sigma_b=0.2'; or a function of (rng, n_out, n_in) that gives W (n_out, n_in)
        and b (n_out,) of one layer, called for each from the first to the last.
    rng : int or numpy.random.Generator. The same seed and sizes give the same parameters, rounded to dtype.
    dtype : 'float32' or 'float64', of the parameters and of all that is computed with them.
    residual : whether every hidden layer, from the second on, that is as wide as the one below adds its input:
        a_l = a_{l-1} + φ(z_l) (He et al. 2016, equation 1).

    Attributes
    ----------
    weights, biases : lists of W_l (n_l, n_{l-1}) and b_l (n_l,), l = 1 … L.

    Raises
    ------
    BadValue
        For sizes that are not at least two whole numbers >= 1, a seed or a σ that is none, an activation that is
        critical nowhere, and an init that gives no finite numbers; BadShape where it gives other shapes.
    UnknownName
        For a name that no table holds.
    CostDomain
        When the output can leave what the cost is defined on.

    Notes
    -----
    Equations BP1 to BP4 of Nielsen (2015), chapter 2. Labels are whole numbers (n,), or targets (n, outputs).

    Examples
    --------
    >>> net = Network([64, 30, 30, 10], activation="tanh", rng=1)
    >>> net
    Network([64, 30, 30, 10], activation='tanh', cost='cross_entropy', output='sigmoid', init='nielsen')
    >>> [W.shape for W in net.weights]
    [(30, 64), (30, 30), (10, 30)]
    >>> [g.shape for g in net.mean_bias_gradients(np.zeros((5, 64)), np.arange(5))]
    [(30,), (30,), (10,)]
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Activation = "sigmoid",
        cost: str | Cost = "cross_entropy",
        output: str | Activation | None = None,
        init: str | Gaussian | Callable[[np.random.Generator, int, int], Any] = "nielsen",
        rng: int | np.random.Generator = 0,
        dtype: DTypeLike = "float64",
        residual: bool = False,
    ) -> None:
        self.sizes = sizes_to_draw(sizes)
        self.activation = neuron(activation)
        self.last = output_layer(output, find_cost(cost), self.activation)
        start, source = initialiser(init), generator(rng)
        self.init, self.dtype, self.residual = start.name, float_type(dtype), residual
        draw = start.of(self.activation)
        self.seed = None if isinstance(rng, np.random.Generator) else int(rng)
        drawn = [draw(source, n, m) for m, n in zip(self.sizes, self.sizes[1:], strict=False)]
        with np.errstate(over="ignore"):
            self.weights: list[Array] = [W.astype(self.dtype) for W, _ in drawn]
            self.biases: list[Array] = [b.astype(self.dtype) for _, b in drawn]
        if not all(np.isfinite(p).all() for p in (*self.weights, *self.biases)):
            raise BadValue(
                f"init {self.init!r} draws numbers beyond {self.dtype}; give smaller ones, or dtype='float64'"
            )

    def __repr__(self) -> str:
        return (
            f"Network({list(self.sizes)}, activation={self.activation.name!r}, cost={self.cost.name!r}, "
            f"output={self.last.name!r}, init={self.init!r}{', residual=True' if self.residual else ''})"
        )

    def _repr_html_(self) -> str:
        """A row per layer: its neurons, its activation, how many numbers are learnt."""
        names = [self.activation.name] * (self.depth - 1) + [self.last.name]
        rows = [
            (str(layer), str(n), name, f"{n * (before + 1):,}")
            for layer, (before, n, name) in enumerate(zip(self.sizes, self.sizes[1:], names, strict=False), 1)
        ]
        return Shown([repr(self)], ("layer", "neurons", "activation", "weights and biases"), rows).html()

    @property
    def cost(self) -> Cost:
        """The cost."""
        return self.last.cost

    @property
    def output_activation(self) -> Activation | None:
        """The last layer's activation; None is softmax."""
        return self.last.activation

    @property
    def depth(self) -> int:
        """L, the number of layers with weights."""
        return len(self.sizes) - 1

    def adds(self, layer: int) -> bool:
        """Whether layer l, counted from 1, adds its input to φ(z_l)."""
        return self.residual and 1 < layer < self.depth and self.sizes[layer] == self.sizes[layer - 1]

    def copy(self, dtype: DTypeLike | None = None) -> Network:
        """A network with the same parameters, rounded to dtype (inf beyond it), that changes on its own."""
        self._require_parameters()
        other = copy.copy(self)
        other.dtype = self.dtype if dtype is None else float_type(dtype)
        with np.errstate(over="ignore"):
            other.weights = [W.astype(other.dtype) for W in self.weights]
            other.biases = [b.astype(other.dtype) for b in self.biases]
        return other

    def forward(self, images: ArrayLike) -> Forward:
        """z_l = W_l a_{l-1} + b_l and a_l = φ(z_l) of every layer.

        images : (n, n_0), finite. Raises BadShape or BadValue for others, as every method here does.
        """
        return self._forward(self.weights, self.biases, self._images(images))

    def output(self, images: ArrayLike) -> Array:
        """a_L, shape (n, outputs)."""
        return self.forward(images).a[-1]

    def predict(self, images: ArrayLike) -> NDArray[np.intp]:
        """The number of the largest output of each image, shape (n,)."""
        return np.asarray(self.output(images).argmax(axis=1))

    def accuracy(self, images: ArrayLike, labels: ArrayLike) -> float:
        """The fraction of the images, in [0, 1], whose largest output is the target's largest."""
        images = self._images(images)
        wanted = self._targets(labels, len(images)).argmax(axis=1)
        return float((self.predict(images) == wanted).mean())

    def cost_value(self, images: ArrayLike, labels: ArrayLike) -> float:
        """The mean over the images of C, summed over the outputs; finite where outputs saturate."""
        return float(self.cost_at(self.weights, self.biases, images, labels).real)

    def cost_at(
        self, weights: Sequence[Array], biases: Sequence[Array], images: ArrayLike, labels: ArrayLike
    ) -> np.number[Any]:
        """The mean cost at other weights and biases, which may be complex: then the cost is, too.

        So Im C(θ + ih)/h is ∂C/∂θ without a difference of nearby numbers, where φ is analytic (Squire and
        Trapp 1998); at a kink the branch of Re z holds.

        Parameters
        ----------
        weights, biases : like this network's, float or complex.

        Raises
        ------
        BadShape
            When they are not shaped as this network's.
        """
        weights, biases = [np.asarray(W) for W in weights], [np.asarray(b) for b in biases]
        given = [p.shape for p in (*weights, *biases)]
        own = [p.shape for p in (*self.weights, *self.biases)]
        if given != own:
            raise BadShape(f"weights and biases have shapes {given}; give {own}")
        a = self._images(images)
        targets = self._targets(labels, len(a))
        with np.errstate(over="ignore", invalid="ignore"):
            return self.last.cost_per_image(self._forward(weights, biases, a).z[-1], targets).mean()  # type: ignore[no-any-return]

    def deltas(self, images: ArrayLike, labels: ArrayLike) -> list[Array]:
        """δ_l = ∂C/∂z_l = ∂C/∂b_l of each image, l = 1 … L, each (n, n_l).

        A RuntimeWarning tells where one underflows to 0 or overflows to inf; log_deltas holds it.
        """
        _, deltas, exact = self._both(images, labels)
        return deltas if exact is None else told("∂C/∂b", exact.deltas, self.dtype, HOLDS.format("log_deltas"))

    def gradients(self, images: ArrayLike, labels: ArrayLike) -> tuple[list[Array], list[Array]]:
        """The means over the images of ∂C/∂W_l (n_l, n_{l-1}) and of ∂C/∂b_l (n_l,), l = 1 … L.

        A RuntimeWarning tells where one underflows to 0 or overflows to inf; wide_gradients holds it.
        """
        run, deltas, exact = self._both(images, labels)
        if exact is None:
            return gradient_means(deltas, run.a)
        weights, biases = exact.means()
        return (
            told("∂C/∂W", weights, self.dtype, "wide_gradients, which holds it as m · 2^e"),
            told("∂C/∂b", biases, self.dtype, HOLDS.format("log_mean_bias_gradients")),
        )

    def mean_bias_gradients(self, images: ArrayLike, labels: ArrayLike) -> list[Array]:
        """The mean over the images of ∂C/∂b_l, l = 1 … L, each (n_l,).

        A RuntimeWarning tells where one underflows to 0 or overflows to inf; log_mean_bias_gradients holds it.
        """
        _, deltas, exact = self._both(images, labels)
        if exact is None:
            return [delta.mean(axis=0) for delta in deltas]
        return told("∂C/∂b", exact.bias_means(), self.dtype, HOLDS.format("log_mean_bias_gradients"))

    def log_deltas(self, images: ArrayLike, labels: ArrayLike) -> list[LogSign]:
        """deltas() as sign and natural logarithm, at any depth, computed in float64 whatever dtype is.

        Each exponent is carried beside its number, by powers of two, which are exact. What a forward pass in float64
        rounds to 0 stays 0.

        Examples
        --------
        >>> deep = Network([4] + [10] * 600 + [3], rng=0)
        >>> first = deep.log_mean_bias_gradients(np.ones((1, 4)), np.array([2]))[0]
        >>> bool(first.norm().log10 < -400), deep.log_deltas(np.ones((1, 4)), np.array([2]))[0].shape
        (True, (1, 10))
        """
        return [to_log_sign(delta) for delta in self.exact_deltas(images, labels).deltas]

    def log_mean_bias_gradients(self, images: ArrayLike, labels: ArrayLike) -> list[LogSign]:
        """mean_bias_gradients() as sign and natural logarithm, as log_deltas has them."""
        return [to_log_sign(mean) for mean in self.exact_deltas(images, labels).bias_means()]

    def wide_gradients(self, images: ArrayLike, labels: ArrayLike) -> tuple[list[Wide], list[Wide]]:
        """gradients() as pairs (m, e) of float64 arrays, each number m · 2^e, as log_deltas computes them.

        Returns a list of pairs for ∂C/∂W_l, l = 1 … L, and one for ∂C/∂b_l.
        """
        return self.exact_deltas(images, labels).means()

    def raw_gradients(self, images: Array, targets: Array) -> tuple[list[Array], list[Array]]:
        """gradients() of arrays that are known to fit, targets (n, outputs), all of this network's dtype."""
        run, deltas = self.raw_pass(images, targets)
        return gradient_means(deltas, run.a)

    def raw_pass(self, images: Array, targets: Array) -> tuple[Forward, list[Array]]:
        """The way forward, and deltas(), of such arrays."""
        run = self._forward(self.weights, self.biases, images)
        return run, self._backward(run, targets)

    def _both(self, images: ArrayLike, labels: ArrayLike) -> tuple[Forward, list[Array], Exact | None]:
        """A pass in floats, and where a number may have left them another in wide numbers."""
        images = self._images(images)
        with np.errstate(all="ignore"):
            run, deltas = self.raw_pass(images, self._targets(labels, len(images)))
        enough = plain_enough(deltas, run.a[:-1], run.z, self.activation)
        return run, deltas, None if enough else self.exact_deltas(images, labels)

    def exact_deltas(self, images: ArrayLike, labels: ArrayLike) -> Exact:
        """The way back in wide numbers, of float64."""
        exact = self.copy("float64")
        images = exact._images(images)
        run = exact._forward(exact.weights, exact.biases, images)
        last = exact.last.wide_delta(run.z[-1], exact._targets(labels, len(images)))
        slopes = [wide_slopes(exact.activation, z) for z in run.z[:-1]]
        adds = [exact.adds(layer) for layer in range(1, exact.depth + 1)]
        return Exact(wide_deltas(last, exact.weights, slopes, adds), run.a[:-1])

    def _forward(self, weights: Sequence[Array], biases: Sequence[Array], images: Array) -> Forward:
        z: list[Array] = []
        a = [images]
        for W, b in zip(weights, biases, strict=True):
            z.append(a[-1] @ W.T + b)
            out = self.last.value(z[-1]) if len(z) == len(weights) else value(self.activation, z[-1])
            a.append(out + a[-1] if self.adds(len(z)) else out)
        return Forward(tuple(z), tuple(a))

    def _backward(self, run: Forward, targets: Array) -> list[Array]:
        derivative = array_functions(self.activation).derivative
        deltas = [self.last.delta(run.z[-1], targets)]
        change = np.zeros(1, self.dtype)  # ∂C/∂a_l
        for layer in range(self.depth, 1, -1):
            passed_on = change if self.adds(layer) else 0
            change = deltas[-1] @ self.weights[layer - 1] + passed_on
            deltas.append(change * derivative(run.z[layer - 2]))
        return deltas[::-1]

    def _require_parameters(self) -> None:
        """Raise BadShape where someone has put other parameters into weights or biases."""
        wanted: list[list[tuple[int, ...]]]
        wanted = [[(n, m) for m, n in itertools.pairwise(self.sizes)], [(n,) for n in self.sizes[1:]]]
        for name, arrays, shapes in zip(("weights", "biases"), (self.weights, self.biases), wanted, strict=True):
            given = [p.shape if isinstance(p, np.ndarray) else type(p).__name__ for p in arrays]
            if given != shapes:
                k = next((k for k, (g, s) in enumerate(zip(given, shapes, strict=False)) if g != s), None)
                told = f"are {len(given)} arrays; give {len(shapes)}"
                if k is not None:
                    told = f"hold {given[k]} for layer {k + 1}; give an array {shapes[k]}"
                raise BadShape(f"{name} {told}")

    def _images(self, images: ArrayLike) -> Array:
        self._require_parameters()
        return image_rows(images, self.sizes[0], self.dtype)

    def _targets(self, labels: ArrayLike, count: int) -> Array:
        return target_rows(labels, count, self.sizes[-1], self.dtype)


def gradient_means(deltas: Sequence[Array], a: Sequence[Array]) -> tuple[list[Array], list[Array]]:
    """The means over the images of δ_l a_{l-1} and of δ_l; a: a_0, a_1, …"""
    return (
        [delta.T @ below / len(delta) for delta, below in zip(deltas, a, strict=False)],
        [delta.mean(axis=0) for delta in deltas],
    )
