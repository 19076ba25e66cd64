"""∂²C/∂θ∂η at many points, by one walk: a_l, its derivatives by θ and by η, and its second derivative.

With P = ∂z_l/∂θ, Q = ∂z_l/∂η and J = ∂a_l/∂a_{l-1},

    ∂²a_l/∂θ∂η = J ∂²a_{l-1}/∂θ∂η + φ''(z_l) P Q + [η = w_l] φ'(z_l) ∂a_{l-1}/∂θ,

and C follows as C' ∂²a_L/∂θ∂η + C'' ∂a_L/∂θ ∂a_L/∂η. Beside the value, which may cancel, run the sum of the sizes of
its terms and a bound of its error in units of ε (forward over forward, Griewank and Walther 2008, chapter 5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainderiv.kinds import Floats
from chainderiv.logsign import LogSign
from chainderiv.numeric.bend import bend
from chainderiv.numeric.conditioning import is_lost, is_unknown, without
from chainderiv.numeric.oracle import Oracle
from chainderiv.numeric.orbit import Orbit
from chainderiv.numeric.orbit_error import OrbitError, ratio, size
from chainderiv.numeric.parameters import Parameters
from chainderiv.numeric.product import Links
from chainderiv.numeric.reading import Reading
from chainderiv.numeric.slope import slope, sum_of_powers
from chainderiv.numeric.sums import Sum, zero_wins
from chainderiv.symbolic.chain import Chain, Parameter
from chainderiv.symbolic.second import SecondDerivation


@dataclass(frozen=True)
class Tangent:
    """∂z_l/∂θ or ∂a_l/∂θ: its value and the share of it that it is off by, in units of ε."""

    value: LogSign
    error: Floats

    def times(self, factor: LogSign, error: Floats | float) -> Tangent:
        """The tangent times a factor."""
        return Tangent(self.value * factor, self.error + error)


class SecondKernel(Oracle):
    """∂²C/∂θ∂η by one walk over the layers; NaN where a formula has lost its digits, relative to the terms' sizes."""

    def __init__(self, second: SecondDerivation) -> None:
        self.second = second

    def gradient(self, parameters: Parameters) -> LogSign:
        """∂²C/∂θ∂η alone; NaN where it is lost, or a z_l lies within its rounding of a kink."""
        reading, kappa = self.read(parameters)
        return without(np.isinf(kappa), reading.gradient)

    def read(self, parameters: Parameters) -> tuple[Reading, Floats]:
        """The second derivative, the links and what is uncertain, and κ, which terms that cancel make large."""
        terms, links = walked(self.second.chain, parameters, *self.second.wrt)
        value = terms.value if self.second.chain.vouched else without(is_unknown(terms.condition), terms.value)
        kappa = ratio(terms.log_error, terms.value.log)
        return Reading.of(value, links.log_sum, links.largest, is_lost(kappa)), kappa


@np.errstate(all="ignore")
def walked(chain: Chain, parameters: Parameters, early: Parameter, late: Parameter) -> tuple[Sum, Links]:
    """∂²C/∂θ∂η, θ of a layer no deeper than η's, as a sum with the sizes of its terms; and the links."""
    walk = _Walk(chain, parameters, early, late)
    while walk.orbit.layer < chain.depth:
        walk.step()
    return walk.end(), walk.links


class _Walk:
    def __init__(self, chain: Chain, parameters: Parameters, early: Parameter, late: Parameter) -> None:
        self.chain, self.parameters, self.wrt = chain, parameters, (early, late)
        self.orbit, self.error = Orbit(chain, parameters), OrbitError(chain, parameters)
        self.links = Links(parameters.shape)
        nothing = np.zeros(parameters.shape)
        self._none = Tangent(LogSign.of(nothing, np.full(parameters.shape, -np.inf)), nothing)
        self._one = Tangent(LogSign.of(np.ones(parameters.shape), nothing), nothing)
        self.of_a = [self._one if p.kind == "x" else self._none for p in self.wrt]
        self.of_z = [self._none, self._none]
        self.second = self.second_z = Sum.of(self._none.value, 1.0)
        self._lost = self._unproved = np.zeros(parameters.shape, bool)  # the orbit, before θ's layer; a 0 from there on

    def step(self) -> None:
        """On to the next layer."""
        orbit, error = self.orbit, self.error
        before, off = orbit.a, error.log_a
        if orbit.layer < max(self.wrt[0].layer, 1):
            self._lost = error.astray
        orbit.step()
        error.step(orbit, before)
        self.links.step(orbit, before)
        of_weight, of_prime = size(orbit.weight.log), error.of_prime(orbit)
        self._unproved = self._unproved | np.isinf(of_prime)
        of_link, moved = error.of_link(orbit, of_prime), self._moved_input()
        self.second_z = self.second.times(orbit.weight, of_weight) + moved
        entering = Tangent(before, size(before.log) + ratio(off, before.log))
        pairs = list(zip(self.wrt, self.of_a, strict=True))
        self.of_z = [self._of_z(p, a.times(orbit.weight, of_weight), entering) for p, a in pairs]
        self.of_a = [
            z.times(orbit.prime, of_prime) if p.layer == orbit.layer else a.times(orbit.link, of_link)
            for (p, a), z in zip(pairs, self.of_z, strict=True)
        ]
        passed, direct = self.second.times(orbit.link, of_link), moved.times(orbit.prime, of_prime)
        self.second = passed + direct + self._bent(of_prime)

    def _moved_input(self) -> Sum:
        """∂a_{l-1}/∂θ where η = w_l; it is 0 where θ is of the same layer."""
        here = self.wrt[1] == Parameter("w", self.orbit.layer)
        return Sum.of(self.of_a[0].value, self.of_a[0].error + 1.0) if here else Sum.of(self._none.value, 1.0)

    def _of_z(self, parameter: Parameter, through: Tangent, entering: Tangent) -> Tangent:
        if parameter.layer != self.orbit.layer:
            return through
        return self._one if parameter.kind == "b" else entering

    def _bent(self, of_prime: Floats) -> Sum:
        """φ''(z_l) ∂z_l/∂θ ∂z_l/∂η."""
        if self.wrt[1].layer > self.orbit.layer:
            return Sum.of(self._none.value, 1.0)
        curve, off = bend(self.chain.activation(self.orbit.layer)).with_error(self.orbit, self.error, of_prime)
        both = self.of_z[0].value * self.of_z[1].value
        return _term(curve, off, both, self.of_z[0].error + self.of_z[1].error)

    def end(self) -> Sum:
        """The cost's part."""
        target = np.broadcast_to(self.parameters.y, self.parameters.shape)
        rest, off = self.chain.output_rest, self.error.of_output(self.orbit, target)
        tangents = self.of_a if rest is None else self.of_z
        both, error = tangents[0].value * tangents[1].value, tangents[0].error + tangents[1].error
        if rest is None:
            direct = self.second.times(slope(self.orbit, target, joined=False), off)
            bent = self.chain.cost.second
        else:
            # δ_L is the rest itself, which bends with a_L: by φ'(z_L)
            direct = self.second_z.times(slope(self.orbit, target, joined=True), off)
            bent = self.chain.output_rest_slope
            both, error = both * self.orbit.prime, error + self.error.of_prime(self.orbit)
        powers = sum_of_powers(self.orbit, target, bent, self.error)
        term = _term(powers.value, powers.log_error, both, error)
        total = direct + Sum(term.value, zero_wins(powers.log_size, both.log), term.log_error)
        lost = self._lost | (self._unproved & (total.value.sign == 0))
        return Sum(total.value, total.log_size, np.where(lost, np.inf, total.log_error))


def _term(value: LogSign, log_error: Floats, both: LogSign, error: Floats) -> Sum:
    """value · both as a sum of one term, value off by an error of its own and both by a share of itself."""
    whole = value * both
    off = np.logaddexp(zero_wins(log_error, both.log), zero_wins(np.asarray(whole.log), np.log(error)))
    return Sum(whole, np.asarray(whole.log), off)
