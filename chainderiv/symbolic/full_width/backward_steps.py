"""BP1 to BP4 derived step by step, each step an equation that SymPy has made from those before it.

Source: Nielsen (2015), chapter 2; for softmax Bridle (1990).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sympy

from chainderiv import symbols
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import Cost, cancels
from chainderiv.symbolic.full_width import indexed
from chainderiv.symbolic.full_width.index_algebra import differentiate, sum_out, take_out
from chainderiv.symbolic.full_width.indexed import Partial, Phi, a, b, delta, j, k, last, layer, m, n, p, total, w, y, z
from chainderiv.symbolic.steps import Step
from chainderiv.symbols import Expr


def cost_slope(cost: Cost, at: Expr, row: Expr) -> Expr:
    """∂C/∂a^L_k kept as a symbol of its own."""
    return symbols.CostSlope(sympy.Symbol(cost.name), a[at, row], y[row])


def definitions(output: Activation | None, cost: Cost, at: Expr = last) -> Iterator[Step]:
    """What is given: the layer equations, the output, the cost and δ^l_j."""
    yield Step("layer", z[layer, j], indexed.weighted_input(layer, j, k), "given, for l = 1 … L")
    yield Step("activation", a[layer, j], Phi(z[layer, j]), "given, for every layer but the last")
    if output is None:
        yield Step("output", a[at, j], indexed.softmax(at, j, m), "given: softmax, which sees the whole last layer")
    else:
        yield Step("output", a[at, j], Phi(z[at, j]), "given: each output sees its own z alone")
    yield Step("cost", indexed.total_cost, cost_sum(cost, at), "given, summed over the outputs")
    yield Step("error", delta[layer, j], symbols.gradient(z[layer, j]), "definition of δ^{l}_j")


def cost_sum(cost: Cost, at: Expr = last) -> Expr:
    """C = Σ_m C(a^L_m, y_m)."""
    return take_out(total(cost.formula.xreplace({symbols.a: a[at, m], symbols.y: y[m]}), m, at))


def output_steps(output: Activation | None, cost: Cost, at: Expr = last) -> Iterator[Step]:
    """BP1, δ^L_j = Σ_k ∂C/∂a^L_k ∂a^L_k/∂z^L_j, and the derivative of the output in it."""
    error, part = delta[at, j], Partial(a[at, k], z[at, j])
    whole = total(cost_slope(cost, at, k) * part, k, at)
    yield Step("BP1, chain rule", error, whole, f"z^{_up(at)}_j acts on C through the outputs a^{_up(at)}_k")
    slopes = list(_softmax_slope(part, at) if output is None else _elementwise_slope(part, at))
    yield from slopes
    put_in = whole.xreplace({part: slopes[-1].right})
    yield Step("BP1, put in", error, put_in, "the derivative of the output, put into the chain rule")
    reason = "the sum over k: of Kronecker's δ_jk only k = j is left"
    yield Step("BP1", error, sum_out(put_in, {j: n[at]}), reason)


def _elementwise_slope(part: Expr, at: Expr) -> Iterator[Step]:
    output = Phi(z[at, k])
    reason = "an output sees its own z alone: ∂z_k/∂z_j is Kronecker's δ_jk, 1 where k = j and else 0"
    yield Step("BP1, derivative", part, differentiate(output, z[at, j]), reason)


def _softmax_slope(part: Expr, at: Expr) -> Iterator[Step]:
    slope = differentiate(indexed.softmax(at, k, m), z[at, j])
    yield Step("BP1, derivative", part, slope, "the quotient rule; ∂z_k/∂z_j is Kronecker's δ_jk")
    closed = sum_out(slope, {j: n[at]})
    yield Step("BP1, sum", part, closed, "of the sum over m only m = j is left")
    below = sympy.Symbol("below", positive=True)
    named = closed.xreplace({total(sympy.exp(z[at, m]), m, at): below})
    named = named.xreplace({sympy.exp(z[at, i]): a[at, i] * below for i in (j, k)})
    # a_k twice: the factor that both terms share stands in front
    shared = a[at, k] * sympy.expand(sympy.simplify(named) / a[at, k])
    yield Step("BP1, Jacobian", part, shared, "exp(z_i) divided by its sum is a_i")


def cost_slope_step(cost: Cost, at: Expr = last) -> Step:
    """∂C/∂a^L_k, as SymPy derives it from C = Σ_m C(a^L_m, y_m)."""
    slope = sum_out(differentiate(cost_sum(cost, at), a[at, k]), {k: n[at]})
    reason = "the derivative of the cost: of its terms only m = k holds this output"
    return Step("cost's slope", cost_slope(cost, at, k), _tidy(slope, a[at, k]), reason)


def cancellation_steps(output: Activation | None, cost: Cost, bp1: Sequence[Step], at: Expr = last) -> Iterator[Step]:
    """δ^L_j with the cost's slope put into BP1, whose steps are given, and what cancels there."""
    slope = cost_slope_step(cost, at)
    yield slope
    if output is None:
        # the step before the last still has its sum over k
        yield from _softmax_cancellation(bp1[-2].right.xreplace({slope.left: slope.right}), at)
        return
    mine = slope.left.xreplace({k: j}), slope.right.xreplace({k: j})
    if cancels(output, cost):
        yield from _prime_cancellation(output, mine, bp1[-1].right, at)
    else:
        put_in = bp1[-1].right.xreplace(dict([mine]))
        yield Step("output error", delta[at, j], put_in, "the slope put into BP1: it cancels nothing")


def _prime_cancellation(output: Activation, slope: tuple[Expr, Expr], bp1: Expr, at: Expr) -> Iterator[Step]:
    denominator, inner = sympy.denom(slope[1]), indexed.phi_prime(z[at, j])
    # the output's φ' in terms of its value: φ'(z) over that denominator is a number, which SymPy finds
    formula = denominator.xreplace({a[at, j]: output.formula})
    prime = sympy.simplify(output.derivative / formula) * denominator
    yield Step("output's slope", inner, prime, "the derivative of the output, written in its value")
    product = sympy.cancel(bp1.xreplace({slope[0]: slope[1], inner: prime}))
    reason = "the output's slope is the denominator of the cost's slope: the two cancel, here and in no other layer"
    yield Step("cancellation", delta[at, j], product, reason)


def _softmax_cancellation(together: Expr, at: Expr) -> Iterator[Step]:
    error = delta[at, j]
    reason = f"a^{_up(at)}_k of the Jacobian cancels the slope's denominator"
    yield Step("cancellation", error, take_out(together), reason)
    summed = sum_out(together, {j: n[at]})
    yield Step("output error", error, summed, "the sum over k, for any targets")
    whole = total(y[k], k, at)
    yield Step("output error, where targets sum to 1", error, summed.xreplace({whole: sympy.Integer(1)}), "∑_k y_k = 1")


def hidden_steps(at: Expr = layer) -> Iterator[Step]:
    """BP2, δ^l_j from the errors δ^{l+1}_k of the next layer."""
    after, error = at + 1, delta[at, j]
    part = Partial(z[after, k], z[at, j])
    whole = total(delta[after, k] * part, k, after)
    reason = f"z^{_up(at)}_j acts on C through every z^{_up(after)}_k of the next layer"
    yield Step("BP2, chain rule", error, whole, reason)
    inner = indexed.weighted_input(after, k, m).xreplace({a[at, m]: Phi(z[at, m])})
    yield Step("BP2, next layer", z[after, k], inner, f"the layer equation, with a^{_up(at)}_m written out")
    slope = differentiate(inner, z[at, j])
    yield Step("BP2, derivative", part, slope, "∂z_m/∂z_j is Kronecker's δ_mj, 1 where m = j and else 0")
    closed = sum_out(slope, {j: n[at]})
    yield Step("BP2, sum", part, closed, "of the sum over m only m = j is left")
    put_in = whole.xreplace({part: closed})
    yield Step("BP2, put in", error, put_in, "put into the chain rule")
    yield Step("BP2", error, take_out(put_in), f"the factor in z^{_up(at)}_j does not depend on k")


def bias_steps(at: Expr = layer) -> Iterator[Step]:
    """BP3, ∂C/∂b^l_j = δ^l_j."""
    parameter = b[at, j]
    part = Partial(z[at, k], parameter)
    whole = total(delta[at, k] * part, k, at)
    yield Step("BP3, chain rule", symbols.gradient(parameter), whole, f"b^{_up(at)}_j acts through z^{_up(at)} alone")
    slope = differentiate(indexed.weighted_input(at, k, m), parameter)
    yield Step("BP3, derivative", part, slope, "∂b_k/∂b_j is Kronecker's δ_jk; the weights' terms hold no bias")
    put_in = whole.xreplace({part: slope})
    yield Step("BP3", symbols.gradient(parameter), sum_out(put_in, {j: n[at]}), "put in; only k = j is left")


def weight_steps(at: Expr = layer) -> Iterator[Step]:
    """BP4, ∂C/∂w^l_jk = a^{l-1}_k δ^l_j."""
    parameter, ranges = w[at, j, k], {j: n[at], k: n[at - 1]}
    part = Partial(z[at, m], parameter)
    whole = total(delta[at, m] * part, m, at)
    reason = f"w^{_up(at)}_jk acts through z^{_up(at)} alone"
    yield Step("BP4, chain rule", symbols.gradient(parameter), whole, reason)
    slope = differentiate(indexed.weighted_input(at, m, p), parameter)
    yield Step("BP4, derivative", part, slope, "∂w_mp/∂w_jk is 1 where m = j and p = k, and else 0")
    closed = sum_out(slope, ranges)
    yield Step("BP4, sum", part, closed, "of the sum over p only p = k is left")
    put_in = whole.xreplace({part: closed})
    yield Step("BP4", symbols.gradient(parameter), sum_out(put_in, ranges), "put in; only m = j is left")


def _tidy(slope: Expr, value: Expr) -> Expr:
    """Factored, with 1 - a below and not a - 1."""
    above, below = sympy.fraction(sympy.factor(slope))
    for factor in sympy.Mul.make_args(below):
        if factor.is_Add and factor.coeff(value).is_positive and factor.xreplace({value: 0}).is_negative:
            above, below = -above, below / factor * -factor
    return above / below


def _up(at: Expr) -> str:
    return f"{{{at}}}".replace(" ", "")
