"""The matrix form against the index form it was translated from, entry by entry; and a width of one against the chain."""

import pytest
import sympy

import chainderiv as cd
from chainderiv import symbols
from chainderiv.errors import BadValue
from chainderiv.symbolic.full_width import indexed
from chainderiv.symbolic.full_width.indexed import a, b, delta, j, k, last, layer, phi_prime, total, w, z
from chainderiv.symbolic.full_width.layers import derive_layers
from chainderiv.symbolic.full_width.matrix_form import LayerArray, matrix_form
from tests.steps import counted
from tests.symbolic.full_width.test_layers_instance import compiled, differing

NETWORKS = [
    ([3, 2, 4, 3], "sigmoid", "cross_entropy"),
    ([2, 4, 3], "tanh", "log_likelihood"),
    ([2, 1, 2, 1], "relu", "quadratic"),
]


def entries(matrix):
    """The entries of a matrix, row by row, as SymPy multiplies them out."""
    return [sympy.expand(e) for e in matrix.doit().as_explicit()]


def by_index(side, free, shape):
    """An index form at all values of its free indices, its sums written out, row by row."""
    if len(free) == 1:
        values = [{free[0]: sympy.Integer(i)} for i in range(1, shape[0] + 1)]
    else:
        rows, columns = (range(1, n + 1) for n in shape)
        values = [{free[0]: sympy.Integer(r), free[1]: sympy.Integer(c)} for r in rows for c in columns]
    return [sympy.expand(side.xreplace(at).doit()) for at in values]


@pytest.mark.parametrize("network", NETWORKS)
def test_every_entry_of_the_matrix_form_is_the_index_form(network):
    derivation = derive_layers(*network)
    for at in range(1, derivation.depth + 1):
        matrices, indexed_ = derivation.matrix_at(at), derivation.equations_at(at)
        assert matrices.keys() == indexed_.keys()
        for name, sides in matrices.items():
            free = [j, k] if name == "BP4" else [j]
            for matrix, side in zip(sides, indexed_[name], strict=True):
                assert entries(matrix) == by_index(side, free, matrix.shape), (at, name)


def test_a_matrix_that_is_not_transposed_differs_entry_by_entry():
    derivation = derive_layers([2, 2, 2])
    right = derivation.equations["BP2"][1]
    swapped = right.xreplace({w[layer + 1, k, j]: w[layer + 1, j, k]})
    at = {layer: sympy.Integer(1)}
    wrong = derivation.numbered(matrix_form(swapped, [j], layer), at)
    assert not wrong.has(sympy.Transpose)
    assert entries(wrong) != by_index(derivation.numbered(right, at), [j], (2, 1))


def test_shapes_that_do_not_fit_are_refused_by_sympy_itself():
    from sympy.matrices.exceptions import ShapeError

    derivation = derive_layers([3, 2, 4, 3])
    right = derivation.equations["BP2"][1].xreplace({w[layer + 1, k, j]: w[layer + 1, j, k]})
    with pytest.raises(ShapeError):
        derivation.numbered(matrix_form(right, [j], layer), {layer: sympy.Integer(1)})


def test_a_sum_over_the_first_index_is_a_product_with_the_transpose_and_over_the_second_with_the_matrix():
    W = LayerArray("W", layer, indexed.n[layer], indexed.n[layer - 1])
    D, A = (LayerArray(kind, at, indexed.n[at], 1) for kind, at in (("delta", layer), ("a", layer - 1)))
    assert matrix_form(total(w[layer, k, j] * delta[layer, k], k, layer), [j], layer) == W.T * D
    assert matrix_form(total(w[layer, j, k] * a[layer - 1, k], k, layer - 1), [j], layer) == W * A
    affine = total(w[layer, j, k] * a[layer - 1, k], k, layer - 1) + b[layer, j]
    assert set(matrix_form(affine, [j], layer).args) == {W * A, LayerArray("b", layer, indexed.n[layer], 1)}
    assert matrix_form(delta[layer, j] * a[layer - 1, k], [j, k], layer) == D * A.T
    assert matrix_form(delta[layer, j] * a[layer - 1, k], [k, j], layer) == A * D.T


@pytest.mark.parametrize("expression", [delta[layer, j] ** 2, total(a[last, k], k, last) * delta[last, j]])
def test_what_is_no_product_of_matrices_is_refused(expression):
    with pytest.raises(BadValue, match="use the index form"):
        matrix_form(expression, [j], layer)


def unrolled_by_index(derivation):
    """δ^1_j with BP2 put into itself up to the output, by substitution of the index forms."""
    known = {}
    for at in range(derivation.depth, 0, -1):
        equations = derivation.equations_at(at)
        left, right = equations.get("BP1") or equations["BP2"]
        rows = range(1, derivation.sizes[at] + 1)
        known = {left.xreplace({j: i}): right.xreplace({j: sympy.Integer(i)}).doit().xreplace(known) for i in rows}
    return [sympy.expand(e) for e in known.values()]


@pytest.mark.parametrize("network", NETWORKS)
def test_the_unrolled_product_is_bp2_put_into_itself(network):
    derivation = derive_layers(*network)
    assert entries(sympy.MatMul(*derivation.unrolled(1))) == unrolled_by_index(derivation)


@pytest.mark.parametrize("network", NETWORKS)
def test_one_derivative_and_no_other_is_cancelled_at_full_width(network):
    derivation = derive_layers(*network)
    long, short = (list(derivation.unrolled(1, cancel)) for cancel in (False, True))
    depth = derivation.depth
    primes = [[getattr(f.args[0], "kind", "") for f in product].count("prime") for product in (long, short)]
    if network[2] == "quadratic":
        assert derivation.cancelled is None
        assert primes == [depth, depth]
        return
    # softmax has its Jacobian where the others have the last Σ'
    assert primes == [depth - (network[2] == "log_likelihood"), depth - 1]
    assert len(short) == len(long) - 1
    A, Y = (LayerArray(kind, sympy.Integer(depth), sympy.Integer(network[0][-1]), 1) for kind in ("a", "y"))
    assert short[-1] == A - Y
    assert derivation.surviving == a[last, j] - indexed.y[j]


def test_what_is_cancelled_is_named():
    assert derive_layers([2, 2, 2]).cancelled == phi_prime(z[last, j])
    assert derive_layers([2, 2, 2]).hypothesis is None
    softmax = derive_layers([2, 2, 2], "tanh", "log_likelihood")
    assert softmax.cancelled == a[last, k]
    assert softmax.hypothesis == (total(indexed.y[k], k, last), 1)
    for name in ("sigmoid", "tanh", "relu"):
        quadratic = derive_layers([2, 2, 2], name, "quadratic")
        assert quadratic.cancelled is None
        assert quadratic.surviving == phi_prime(z[last, j]) * (a[last, j] - indexed.y[j])


def test_cross_entropy_cancels_every_sigmoid_up_to_its_scale():
    halved = cd.Activation("halved", 1 / (1 + sympy.exp(-symbols.z / 2)))
    derivation = derive_layers([2, 2, 2], "tanh", "cross_entropy", halved)
    assert derivation.surviving == (a[last, j] - indexed.y[j]) / 2


# a width of one


def in_chain_symbols(expression, depth):
    """The symbols of a network of width 1 as the chain has them."""
    names = {f"{kind}^{at}_{'1' * (1 + (kind == 'w'))}": made for at in range(1, depth + 1)
             for kind, made in (("w", symbols.weight(at)), ("b", symbols.bias(at)))}  # fmt: skip
    names |= {"x_1": symbols.x, "y_1": symbols.y}
    return expression.xreplace({sympy.Symbol(name, real=True): made for name, made in names.items()})


@pytest.mark.parametrize(
    ("activation_name", "cost"), [("sigmoid", "quadratic"), ("tanh", "quadratic"), ("sigmoid", "cross_entropy")]
)
def test_a_width_of_one_gives_the_chains_gradient(activation_name, cost):
    depth = 4
    derivation, chain = derive_layers([1] * (depth + 1), activation_name, cost), cd.Chain(depth, activation_name, cost)
    got, want = [], []
    for p in derivation.parameters:
        got.append(in_chain_symbols(derivation.gradient(p), depth))
        want.append(cd.derive(chain, f"{p.kind}{p.layer}").substitute())
    assert len(got) == 2 * depth
    names = sorted({s for e in want for s in e.free_symbols}, key=str)
    at = {
        s: sympy.Rational(5 + 3 * i, 7 + 2 * i) * (-1) ** i if s != symbols.y else sympy.Rational(1, 3)
        for i, s in enumerate(names)
    }
    assert differing(compiled(got, at), compiled(want, at), at) == []
    # and the chain of another depth is not taken for it
    other = [
        cd.derive(cd.Chain(depth, ["tanh", *["sigmoid"] * 3], cost), f"{p.kind}{p.layer}").substitute()
        for p in derivation.parameters
    ]
    assert differing(compiled(got, at), compiled(other, at), at)


def test_the_unrolled_product_of_width_one_has_the_chains_factors():
    depth = 5
    derivation, chain = derive_layers([1] * (depth + 1), "sigmoid", "quadratic"), cd.derive(cd.Chain(depth), "b1")
    product = sympy.MatMul(*derivation.unrolled(1)).as_explicit()[0, 0]
    one = sympy.Integer(1)
    names = {w[at, 1, 1]: symbols.weight(at) for at in range(2, depth + 1)}
    names |= {phi_prime(z[at, one]): chain.factors[2 * at - 2] for at in range(1, depth + 1)}
    (slope,) = product.atoms(symbols.CostSlope)
    assert product.xreplace(names | {slope: chain.factors[-1]}) == sympy.Mul(*chain.factors)


# depth


def test_a_thousand_layers_are_derived_and_unrolled_without_recursion():
    with counted() as steps:
        derivation = derive_layers([3] * 1001, "tanh", "log_likelihood")
        factors = derivation.unrolled(1)
        assert len(derivation.steps) > 20
        fourth = derivation.equations_at(500)["BP4"][1]
    assert steps.calls < 10_000_000  # some hundreds a layer
    # Σ' and Wᵀ for each of 999 layers, then the Jacobian and ∇_a C
    assert len(factors) == 2 * 999 + 2
    assert factors[0] == sympy.DiagMatrix(LayerArray("prime", 1, 3, 1))
    assert factors[1] == LayerArray("W", 2, 3, 3).T
    assert factors[-3] == LayerArray("W", 1000, 3, 3).T
    assert fourth == a[499, k] * delta[500, j]
