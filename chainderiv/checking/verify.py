"""verify(): gradients against judges that never see a derivative, with the errors taken in log space."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.checking.blame import worst_factor
from chainderiv.checking.claims import read_claim, verify_claim
from chainderiv.checking.findings import Finding, derived_values, findings, sample_of
from chainderiv.checking.network import verify_network
from chainderiv.checking.points import draw_points, slope_where_flat
from chainderiv.checking.verification import METHODS, Row, Verification, point_of
from chainderiv.errors import BadValue, unknown_name
from chainderiv.functions.activation import Activation
from chainderiv.given import function, generator, is_whole, several
from chainderiv.kinds import Progress
from chainderiv.nn.network import Network
from chainderiv.numeric.parameters import Parameters
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.derive import Wrt, derive
from chainderiv.symbolic.second import SecondDerivation

ALL_PARAMETERS_UP_TO = 24  # layers; above it parameters are sampled


def verify(
    subject: Chain | Network,
    claim: Any = None,
    *,
    wrt: Wrt | None = None,
    derivation: Derivation | SecondDerivation | None = None,
    points: int = 100,
    rng: int | np.random.Generator = 0,
    methods: Sequence[str] = METHODS,
    images: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    gradients: Callable[..., Any] | None = None,
    progress: Progress | None = None,
) -> Verification:
    """Compare gradients, the program's own or those that someone claims, with judges that evaluate φ and C alone.

    A Chain is judged at random points, drawn so that no φ' is 0 and y lies above and below a_L in turn: (a) by the
    complex step, rescaled layer by layer, where φ is analytic, (b) by central differences in mpmath with the digits
    doubled until they settle, (c) by float64 central differences with Richardson extrapolation where the gradient is
    of order 1. Errors are |Δlog| against 1e-12 · max(1, |log|) + 8 ε κ, and what the complex step may lose where its
    own terms cancel.
    Every parameter is judged to depth 24, a sample above; the result's smallest_noticed says what they can see.
    A Network is judged on sampled weights and biases at the given images and labels.

    Parameters
    ----------
    claim : a gradient of the Chain that is to be judged, in the place of those that are derived. Either a formula in
        w_l, b_l, z_l, a_l, x and y: a SymPy expression whose symbols have these names ('w_2' or 'w2'), or a text, as
        '(a1 - y) a1 (1 - a1)' or the line that a derivation prints; it is valued with as many digits as prove them.
        Or a function f(w, b, x, y) -> number, w and b arrays of shape (depth,). It is judged where the gradient is
        1e28 or more from either end of the normal range of the floats that it returns, and allowed
        8 ε (κ + Σ max(1, 1/|factor|)) more, which plain code loses where φ saturates.
    wrt : what the claim is the gradient by: 'b1' (the default), 'w3', 'x', a Parameter, or two for the second
        derivative. Without a claim this parameter's own derivation is judged alone.
    derivation : what derive returned, optional. Judge this one alone (a planted error, say) and not every parameter's.
        Of a second derivative the terms cancel, so its errors are relative to the sum of their sizes.
    points : int >= 1.
    rng : int or numpy Generator.
    methods : some of 'complex step', 'mpmath differences', 'float64 differences'; by default all.
    images, labels : for a Network.
    gradients : of a Network, a function (weights, biases, images, labels) -> (weight gradients, bias gradients), each
        a list with one array or tensor per layer, of the mean cost over the images; it is judged in the place of the
        network's own. [p.grad for p in model.parameters()] of PyTorch, W_1, b_1, W_2, …, will do, or a dict of them.
        Arrays of float32 are judged by its digits.
    progress : called with (parameters done, parameters in all).

    Raises
    ------
    BadValue, BadShape, UnknownName

    Examples
    --------
    >>> chain = Chain(depth=4)
    >>> d = derive(chain, "b1")
    >>> verify(chain, d, points=5).passed, verify(chain, d.replace(3, 1.001 * d.factors[3]), points=5).passed
    (True, False)
    >>> verify(Chain(depth=2), "(a2 - y) a2 (1 - a2) w2 a1 (1 - a1)", wrt="b1").passed
    True
    >>> verify(Chain(depth=2), "σ'(z1) w2 ∂C/∂a2", wrt="b1", points=5).diagnosis
    "the factor σ'(z₂) is missing"
    """
    source, progress = generator(rng), function("progress", progress)
    _require_points_and_methods(points, methods)
    if isinstance(claim, Derivation | SecondDerivation) and derivation is None:
        claim, derivation = None, claim
    if not isinstance(subject, Chain):
        if claim is not None or derivation is not None or wrt is not None:
            raise BadValue("a Network has no derivation to judge; give verify(net, images=…, labels=…, gradients=…)")
        if not isinstance(subject, Network):
            raise BadValue(f"{subject!r} cannot be verified; give a Chain or a Network")
        return verify_network(subject, images, labels, source, methods, progress, function("gradients", gradients))
    if images is not None or labels is not None or gradients is not None:
        raise BadValue("images, labels or gradients are given for a Chain; they belong to a Network")
    if claim is not None and derivation is not None:
        raise BadValue("claim and derivation are both given; give one of them")
    if claim is not None:
        read, derived = read_claim(subject, claim, wrt)
        return verify_claim(read, derived, draw_points(subject, int(points), source), tuple(methods))
    if derivation is not None:
        _require_derivation_of(subject, derivation, wrt)
    chosen = derivation or (None if wrt is None else derive(subject, wrt))
    derivations = [chosen] if chosen else [derive(subject, p) for p in _sample(subject, source)]
    return _verify_chain(subject, derivations, draw_points(subject, int(points), source), tuple(methods), progress)


def _require_points_and_methods(points: int, methods: Sequence[str]) -> None:
    if not is_whole(points, 1):
        raise BadValue(f"points is {points!r}; give a whole number of at least 1")
    if not methods:
        raise BadValue(f"methods is empty; give some of {', '.join(METHODS)}")
    for method in several("methods", methods, object, f"some of {', '.join(METHODS)}"):
        if method not in METHODS:
            raise unknown_name("method", method, METHODS)


def _require_derivation_of(chain: Chain, derivation: Any, wrt: Wrt | None) -> None:
    if not isinstance(derivation, Derivation | SecondDerivation):
        raise BadValue(f"derivation is {derivation!r}; give what derive(chain, …) returns")
    if derivation.chain != chain:
        raise BadValue(f"the derivation is of {derivation.chain!r} and not of {chain!r}; derive it from that chain")
    if wrt is not None and derive(chain, wrt).named != derivation.named:
        raise BadValue(f"the derivation is by {derivation.named} and wrt is {wrt!r}; give one of the two")


def _sample(chain: Chain, rng: np.random.Generator) -> list[Parameter]:
    if chain.depth <= ALL_PARAMETERS_UP_TO:
        return list(chain.parameters)
    layers = sorted({1, chain.depth, *(int(n) for n in rng.integers(2, chain.depth, 4))})
    return [*(Parameter(kind, layer) for layer in layers for kind in "bw"), Parameter("x", 0)]


def _verify_chain(
    chain: Chain,
    derivations: Sequence[Derivation | SecondDerivation],
    at: Parameters,
    methods: tuple[str, ...],
    progress: Progress | None,
) -> Verification:
    found: list[Finding] = []
    for done, derivation in enumerate(derivations, start=1):
        sample = sample_of(derivation, len(derivations), at)
        found += findings(derivation, derived_values(derivation, at), at, methods, sample)
        if progress is not None:
            progress(done, len(derivations))
    could = {(f.row.parameter, f.row.method): f.mask for f in found}
    worst = max((f for f in found if f.row.judged), key=lambda f: f.ratio, default=None)
    named = None if worst is None else replace(worst.row, factor=worst_factor(worst.derivation, at, worst.index))
    rows = tuple(f.row for f in found)
    wrong = [_sloping(f, places) for f in dict.fromkeys(chain.activations) if (places := slope_where_flat(f))]
    where = None if wrong or worst is None else point_of(at, worst.index)
    return Verification((*rows, *wrong), wrong[0] if wrong else named, could, where)


def _sloping(activation: Activation, places: tuple[float, ...]) -> Row:
    """The failed Row of a φ' that is not 0 where φ is flat."""
    count, name = len(places), activation.name
    where = f"{name}'({places[0]:g}), where {name} is flat"
    return Row(f"{name}'", METHODS[1], count, count, worst_error=math.inf, passed=False, factor=where)
