"""Full width: BP1 to BP4 for a network with the layer widths n_0 … n_L, in index form and in matrix form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy

from chainderiv.errors import BadValue
from chainderiv.functions.activation import Activation
from chainderiv.functions.cost import Cost, cost as find_cost
from chainderiv.functions.output_choice import choose_output
from chainderiv.given import shown, truth, up_to
from chainderiv.symbolic.chain import read_activations
from chainderiv.symbolic.full_width import backward_steps, layer_expression
from chainderiv.symbolic.full_width.indexed import a, j, k, last, layer, n, phi_prime, total, y, z
from chainderiv.symbolic.full_width.layer_expression import LayerParameter
from chainderiv.symbolic.full_width.layer_input import Layers, read_sizes
from chainderiv.symbolic.full_width.matrix_form import LayerArray, matrix_form
from chainderiv.symbolic.lazy import Lazy
from chainderiv.symbolic.notation import lines
from chainderiv.symbolic.notation.documents import document, in_dollars
from chainderiv.symbolic.steps import Step
from chainderiv.symbols import Expr

Equation = tuple[Expr, Expr]
GIVEN = ("layer", "activation", "output", "cost")  # the steps that a where-block repeats


@dataclass(frozen=True)
class LayerDerivation(Layers):
    """BP1 to BP4 of a fully connected network, each derived from z^l_j = Σ_k w^l_jk a^{l-1}_k + b^l_j by index algebra.

    Attributes
    ----------
    depth : int. L, the number of layers with weights.
    widths : tuple of L + 1 ints, or None where the widths stay symbols n_l.
    hidden : tuple of Activation. One for all hidden layers, or one per hidden layer.
    output : Activation of the last layer; None is softmax.
    cost : Cost.

    Source: Nielsen (2015), chapter 2, equations BP1 to BP4 and the matrix form behind them; Bridle (1990) for softmax.

    Examples
    --------
    >>> print(derive_layers([3, 2, 2]))
    BP1: δᴸⱼ = σ'(zᴸⱼ) · ∂C/∂aᴸⱼ
    BP2: δˡⱼ = σ'(zˡⱼ) · ∑ₖ wˡ⁺¹ₖⱼ δˡ⁺¹ₖ
    BP3: ∂C/∂bˡⱼ = δˡⱼ
    BP4: ∂C/∂wˡⱼₖ = aˡ⁻¹ₖ · δˡⱼ
    """

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """The argument for every layer l, from what is given to BP1 to BP4, each step an equation with its reason."""
        at_output = tuple(backward_steps.output_steps(self.output, self.cost))
        return (
            *backward_steps.definitions(self.output, self.cost),
            *at_output,
            *backward_steps.cancellation_steps(self.output, self.cost, at_output),
            *(backward_steps.hidden_steps() if self.depth > 1 else ()),
            *backward_steps.bias_steps(),
            *backward_steps.weight_steps(),
        )

    def steps_at(self, at: int) -> tuple[Step, ...]:
        """The argument carried out at one layer, l = 1 … L, with its number and widths; raises BadValue."""
        number = sympy.Integer(up_to("layer", at, self.depth))
        if at == self.depth:
            first = tuple(backward_steps.output_steps(self.output, self.cost, number))
            first += tuple(backward_steps.cancellation_steps(self.output, self.cost, first, number))
        else:
            first = tuple(backward_steps.hidden_steps(number))
        whole = (*first, *backward_steps.bias_steps(number), *backward_steps.weight_steps(number))
        return tuple(Step(s.name, self.numbered(s.left), self.numbered(s.right), s.reason) for s in whole)

    @cached_property
    def equations(self) -> dict[str, Equation]:
        """BP1, BP2 (where there is a hidden layer), BP3 and BP4 in index form, as (left, right), for every layer l."""
        return {s.name: (s.left, s.right) for s in self.steps if s.name in ("BP1", "BP2", "BP3", "BP4")}

    def equations_at(self, at: int) -> dict[str, Equation]:
        """The equations of one layer, l = 1 … L, with its number and widths: BP1 or BP2, BP3 and BP4."""
        return self._numbered_at(self.equations, at)

    @cached_property
    def matrix(self) -> dict[str, Equation]:
        """The same in matrix form, translated from the index form: δ^l = Σ'(z^l) (W^{l+1})ᵀ δ^{l+1}."""
        found = dict(self.equations)
        if self.output is None:
            # softmax while its sum over k still stands: that sum is the product with the Jacobian
            whole = next(s for s in self.steps if s.name == "BP1, put in")
            found["BP1"] = whole.left, whole.right
        return {name: self._as_matrices(name, *sides) for name, sides in found.items()}

    def matrix_at(self, at: int) -> dict[str, Equation]:
        """The matrix form of one layer, l = 1 … L, with its number and shapes."""
        return self._numbered_at(self.matrix, at)

    @cached_property
    def surviving(self) -> Expr:
        """δ^L_j after the cost has cancelled what it cancels: a^L_j - y_j, or φ'(z^L_j) ∂C/∂a^L_j written out."""
        named = [s for s in self.steps if s.name.startswith(("cancellation", "output error"))]
        return named[-1].right

    @cached_property
    def cancelled(self) -> Expr | None:
        """The factor that the cost cancels at the output, φ'(z^L_j) or softmax's a^L_k, else None."""
        gone = a[last, k] if self.output is None else phi_prime(z[last, j])
        return gone if any(s.name == "cancellation" for s in self.steps) else None

    @property
    def hypothesis(self) -> Equation | None:
        """What `surviving` takes for granted: (Σ_k y_k, 1) after softmax, else None."""
        return (total(y[k], k, last), sympy.Integer(1)) if self.output is None else None

    def unrolled(self, at: int = 1, cancel: bool = False) -> Sequence[Expr]:
        """δ^l as the factors of a matrix product: Σ'(z^l), (W^{l+1})ᵀ, Σ'(z^{l+1}), …, (W^L)ᵀ, Σ'(z^L), ∇_a C.

        BP2 in matrix form, put into itself layer by layer; with cancel=True the end is a^L - y where the cost
        cancels Σ'(z^L). Raises BadValue for a layer that is none, or an end that has no matrix form.
        """
        first = up_to("layer", at, self.depth)
        gone = cancel and self.cancelled is not None
        end = matrix_form(self.surviving, [j], last) if gone else self.matrix["BP1"][1]
        ends = [self.numbered(f, {last: sympy.Integer(self.depth)}) for f in _factors(end)]
        head = self._link() if first < self.depth else ()

        body = len(head) * (self.depth - first)

        def factor(index: int) -> Expr:
            if index >= body:
                return ends[index - body]
            step, place = divmod(index, len(head))
            return self.numbered(head[place], {layer: sympy.Integer(first + step)})

        return Lazy(body + len(ends), factor)

    @property
    def parameters(self) -> Sequence[LayerParameter]:
        """Every weight and bias, layer by layer; raises BadValue where the widths are symbols."""
        return tuple(layer_expression.all_parameters(layer_expression.require_small(self)))

    def cost_expression(self) -> Expr:
        """C as one nested expression in x_i, y_k, w^l_jk and b^l_j, for small networks with numbers for widths.

        Raises
        ------
        BadValue, TooDeep
            Where the widths are symbols, and where the expression would be too long.

        Examples
        --------
        >>> derive_layers([1, 1], "identity", "quadratic").cost_expression()
        (-y_1 + (b^1_1 + w^1_11*x_1))**2/2
        """
        return layer_expression.write_cost(self)

    def gradient(self, parameter: Any, cancel: bool = False) -> Expr:
        """∂C/∂θ as one nested expression: BP1 to BP4 written out over their sums.

        Parameters
        ----------
        parameter : 'w2_13' or ("w", 2, 1, 3), layer 2, to neuron 1 from neuron 3; 'b2_1' or ("b", 2, 1).
        cancel : bool. Whether δ^L is `surviving` (after softmax: for targets that sum to 1) and not BP1.

        Raises
        ------
        BadValue, TooDeep
            For a parameter that the network does not have, and as `cost_expression`.

        Examples
        --------
        >>> derive_layers([1, 1], "identity", "quadratic").gradient("b1_1")
        -y_1 + (b^1_1 + w^1_11*x_1)
        """
        sizes = layer_expression.require_small(self)
        found = layer_expression.read_parameter(parameter, sizes)
        return layer_expression.write_gradient(self, self.equations, found, self._survivors if cancel else self._errors)

    def line(self, step: Step, target: str = "unicode") -> str:
        """One of the steps as a line: its name, equation and reason; target as in `to`.

        >>> network = derive_layers([3, 2, 2])
        >>> print(network.line(network.steps[-1]))
        BP4: ∂C/∂wˡⱼₖ = aˡ⁻¹ₖ · δˡⱼ    (put in; only m = j is left)
        """
        return lines.step(self.writer(target), step)

    def written(self, left: Expr, right: Expr | None = None, target: str = "unicode") -> str:
        """An expression in this network's symbols as it is printed, or the equation left = right; target as in `to`.

        >>> network = derive_layers([3, 2, 2])
        >>> print(network.written(*network.matrix["BP2"]))
        δˡ = Σ'(zˡ) (Wˡ⁺¹)ᵀ δˡ⁺¹
        """
        writer = self.writer(target)
        return writer.write(left) if right is None else lines.equation(writer, left, right)

    def to(self, target: str, *, where: bool = False, standalone: bool = False) -> str:
        """BP1 to BP4 in index and matrix form as 'unicode', 'text', 'latex', 'markdown' or 'mathml'.

        where : whether lines follow that say what z, a and C are. standalone : whether the LaTeX is a whole document.
        Raises UnknownName, and BadValue for a document of another target.

        >>> print(derive_layers([3, 2, 2]).to("unicode", where=True).splitlines()[-1])
        cost: C = ∑ₘ (-(1 - yₘ) log(1 - aᴸₘ) - yₘ log(aᴸₘ))
        """
        truth("where", where)
        if truth("standalone", standalone) and target != "latex":
            raise BadValue(f"standalone is given for the target {shown(target)}; it is for 'latex'")
        given = {s.name: (s.left, s.right) for s in self.steps if s.name in GIVEN} if where else {}
        writer = self.writer("latex" if target == "markdown" else target)
        block = lines.block(writer, self.equations, self.matrix, given)
        if standalone:
            return document(f"\\begin{{equation*}}\n{block}\n\\end{{equation*}}")
        return in_dollars(block) if target == "markdown" else block

    def __str__(self) -> str:
        return lines.block(self.writer("unicode"), self.equations)

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.to('latex')}$"

    def _repr_html_(self) -> str:
        return self.to("mathml")

    @cached_property
    def _errors(self) -> dict[Expr, Expr]:
        return layer_expression.write_errors(self, self.equations["BP1"][1], self.equations)

    @cached_property
    def _survivors(self) -> dict[Expr, Expr]:
        return layer_expression.write_errors(self, self.surviving, self.equations)

    def _as_matrices(self, name: str, left: Expr, right: Expr) -> Equation:
        free, at = ([j, k] if name == "BP4" else [j]), (last if name == "BP1" else layer)
        return matrix_form(left, free, at), matrix_form(right, free, at)

    def _link(self) -> tuple[Expr, ...]:
        """The factors between δ^l and δ^{l+1}."""
        *head, end = _factors(self.matrix["BP2"][1])
        assert end == LayerArray("delta", layer + 1, n[layer + 1], 1)
        return tuple(head)

    def _numbered_at(self, equations: dict[str, Equation], at: int) -> dict[str, Equation]:
        number = sympy.Integer(up_to("layer", at, self.depth))
        skipped = "BP2" if at == self.depth else "BP1"
        values = {layer: number, last: number}
        return {
            name: (self.numbered(left, values), self.numbered(right, values))
            for name, (left, right) in equations.items()
            if name != skipped
        }


def derive_layers(
    sizes: int | Sequence[int],
    activation: str | Activation | Sequence[str | Activation] = "sigmoid",
    cost: str | Cost = "cross_entropy",
    output: str | Activation | None = None,
) -> LayerDerivation:
    """BP1 to BP4 of a fully connected network, derived from its layer equations.

    Parameters
    ----------
    sizes : list of ints, neurons per layer, inputs first; or L alone, where the widths stay symbols n_0 … n_L.
    activation : name or Activation of the hidden layers, or one of them per hidden layer.
    cost : name or Cost.
    output : name or Activation of the last layer, or 'softmax'. None: the sigmoid for cross_entropy, softmax for
        log_likelihood, else the last hidden one.

    Raises
    ------
    BadValue, BadShape
        For sizes that are no depth and no two whole numbers >= 1, or activations that are not as many as the layers.
    UnknownName
        For a name that no table holds.
    CostDomain
        When the output can leave what the cost is defined on.

    Examples
    --------
    >>> d = derive_layers([3, 2, 2], "tanh")
    >>> d.cancelled, d.surviving
    (phi'(z[L, j]), a[L, j] - y[j])
    """
    depth, widths = read_sizes(sizes)
    hidden = read_activations(activation, depth - 1, f"hidden layer ({depth - 1} here)")
    found = find_cost(cost)
    last_layer = choose_output(output, found, hidden[-1])
    for used in dict.fromkeys([*hidden, *([] if last_layer is None else [last_layer])]):
        used.require_usable()
    return LayerDerivation(depth, widths, hidden, last_layer, found)


def _factors(product: Expr) -> tuple[Expr, ...]:
    return tuple(product.args) if isinstance(product, sympy.MatMul) else (product,)
