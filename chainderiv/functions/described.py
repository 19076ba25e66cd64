"""describe() and read(): an activation in plain JSON values, for maps on disk, kept networks and the names of runs.

    name, formula, symbol, latex    as people read them
    stable                          a digest of the stable forms: with others the last digits differ
    exact                           {"formula": tree, "stable": {field: tree}, "found": bool}

A tree is a text ("z", a rational such as "-3/2", the name of a constant) or a list of a function's name and its
arguments; ["Root", equation, lower, upper] is where an equation is 0, which the formula's text shows as -1.29097…
SymPy's text would not do: read again it is evaluated, so 2*(z + 1) becomes 2*z + 2, which rounds otherwise,
and a Float loses digits. The catalogue's go by their names, without `exact`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields
from typing import Any

import sympy
from sympy.codegen import cfunctions
from sympy.core.function import Application
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import Boolean, BooleanFunction

from chainderiv import symbols
from chainderiv.errors import BadValue, UnknownName
from chainderiv.functions import heads
from chainderiv.functions.activation import Activation
from chainderiv.functions.catalogue import ACTIVATIONS
from chainderiv.functions.formula import parse_formula
from chainderiv.functions.formula_node import MOST_BITS, MOST_EXPONENT, MOST_STACKED
from chainderiv.functions.lookup import neuron
from chainderiv.functions.stable import Stable
from chainderiv.functions.turning.given_root import proved_root
from chainderiv.functions.turning.root import InDigits, Root
from chainderiv.functions.turning.turnings import Unproved
from chainderiv.symbols import Expr, z

Description = dict[str, Any]
Tree = Any  # str | list[Tree]

_OPERATIONS = (sympy.Add, sympy.Mul, sympy.Pow, sympy.core.relational.Relational, BooleanFunction, ExprCondPair)
# where the classes of a name stand; SymPy, its code generation and we have some of one name
_ROOMS = {"": (sympy, sympy.functions.elementary.piecewise), "codegen.": (cfunctions,), "own.": (symbols, heads)}
_ORIGINS = (
    *("sympy.functions.elementary", "sympy.functions.special.error_functions"),
    *("sympy.functions.special.delta_functions", "sympy.core.mod", cfunctions.__name__, symbols.__name__),
    heads.__name__,
)
_CONSTANTS = ("Pi", "Exp1", "EulerGamma", "GoldenRatio", "Infinity", "NegativeInfinity", "BooleanTrue", "BooleanFalse")
# parts, and functions, within one another: a text may hold 40 brackets, and its stable forms a dozen parts more
MOST_PARTS, MOST_FUNCTIONS = 240, 60
MOST_DEGREE = MOST_EXPONENT**MOST_STACKED  # as of a text
# what SymPy and Python raise for a tree that is none
_DAMAGE = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, NotImplementedError)


class _Printer(InDigits):
    """SymPy's text, with the branches as our parser reads them."""

    def _print_Piecewise(self, expression: Any) -> str:
        *branches, (last, _) = expression.args
        text = str(self._print(last))
        for value, when in reversed(branches):
            text = f"where({self._print(when)}, {self._print(value)}, {text})"
        return text


def describe(activation: Activation) -> Description:
    """An activation in plain JSON values; those that give other numbers have other descriptions.

    Raises nothing: what no tree can hold, such as a function that is not SymPy's, is described without `exact`.

    >>> describe(neuron("relu"))["formula"]
    'where(z > 0, z, 0)'
    >>> describe(Activation("mine", z / (1 + sympy.exp(-2 * z))))["exact"]["formula"]
    ['Mul', 'z', ['Pow', ['Add', '1', ['exp', ['Mul', '-2', 'z']]], '-1']]
    """
    digest = hashlib.blake2b(f"{activation.stable} {activation.found}".encode(), digest_size=8).hexdigest()
    described = {
        "name": activation.name,
        "formula": text_of(activation.formula),
        "symbol": activation.symbol,
        "latex": activation.latex,
        "stable": digest,
    }
    if ACTIVATIONS.get(activation.name) == activation:
        return described
    try:
        stated = {name: form for name, form in vars(activation.stable).items() if form is not None}
        forms = {name: _tree(sympy.sympify(form, strict=True)) for name, form in stated.items()}
        exact = {"formula": _tree(activation.formula), "stable": forms, "found": activation.found}
    except _DAMAGE:
        return described
    return described | {"exact": exact}


def require_readable(activation: Activation) -> None:
    """Raise BadValue for an activation that could not be read back as it is: nothing else may be kept of it."""
    try:
        same = read(describe(activation)) == activation
    except BadValue:
        same = False
    if not same:
        raise BadValue(
            f"activation {activation.name!r} ({text_of(activation.formula)}) cannot be kept on disk, for it could not "
            "be read again; make it of SymPy's elementary functions, or offer it as a plug-in"
        )


def read(description: Mapping[str, Any]) -> Activation:
    """The Activation that describe() described, equal to it in everything; nothing in it is executed or evaluated.

    A description without `exact` is one by name or, as older files have it, by text alone.

    Raises BadValue for what is no such description, or where the name leads nowhere and the parser refuses the text.

    >>> swish = Activation("swish", z / (1 + sympy.exp(-sympy.Float(1.702) * z)))
    >>> read(describe(swish)) == swish
    True
    """
    try:
        exact = description.get("exact")
        return _by_text(description) if exact is None else _by_trees(description, exact)
    except BadValue:
        raise
    except _DAMAGE as e:
        raise BadValue(f"the description of an activation is damaged ({' '.join(str(e).split())[:200]})") from e


def text_of(formula: Expr) -> str:
    """A formula as a text that parse_formula reads; of a number without an exact form people see 0.56714…

    >>> text_of(parse_formula("max(0,z) + relu(z)"))
    'where(z > 0, z, 0) + Max(0, z)'
    """
    return str(_Printer().doprint(formula))


def _by_trees(description: Mapping[str, Any], exact: Mapping[str, Any]) -> Activation:
    name, symbol, latex = (_typed(str, description[key]) for key in ("name", "symbol", "latex"))
    known = {f.name for f in fields(Stable)}
    if not exact["stable"].keys() <= known:
        raise ValueError(f"stable forms are {', '.join(exact['stable'])}")
    stable = Stable(**{field: _formula(tree) for field, tree in exact["stable"].items()})
    return Activation(name, _formula(exact["formula"]), symbol, latex, stable, _typed(bool, exact["found"]))


def _typed(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value


def _by_text(description: Mapping[str, Any]) -> Activation:
    name, text = description["name"], description["formula"]
    look = {key: description[key] for key in ("symbol", "latex") if key in description}
    alike = None
    for made in _candidates(name, text, look):
        if text not in (text_of(made.formula), str(made.formula)):
            continue
        told = describe(made)
        if all(told.get(key) == value for key, value in description.items() if key != "formula"):
            return made
        # one whose rewritings are its maker's own: the formula is the same
        alike = alike or made
    if alike is None:
        raise BadValue(f"activation {name!r} ({text!r}) cannot be made from its text; install what it came from")
    return alike


def _candidates(name: str, text: str, look: dict[str, Any]) -> Iterator[Activation]:
    makers: list[Callable[[], Activation]] = [
        lambda: neuron(name),
        lambda: Activation.from_formula(name, text, **look),
        lambda: Activation(name, parse_formula(text), **look),
        lambda: Activation.from_formula(name, name, **look),  # the command line names a formula by itself
    ]
    for make in makers:
        with suppress(BadValue, UnknownName):
            yield make()


# ---- trees


def _tree(expression: Any) -> Tree:
    if expression == z:
        return "z"
    if isinstance(expression, sympy.Rational):
        return str(expression)
    if isinstance(expression, sympy.Float):
        return ["Float", str(sympy.Rational(expression)), str(expression._prec)]
    if isinstance(expression, Root):
        return ["Root", _tree(expression.equation), *map(str, expression.isolating)]
    name, origin = type(expression).__name__, type(expression).__module__
    if name in _CONSTANTS and expression == getattr(sympy.S, name):
        return name
    name = ("own." if origin.startswith("chainderiv.") else "codegen." if origin == cfunctions.__name__ else "") + name
    if _head(name) is not type(expression):
        raise TypeError(f"{name} is no function of SymPy's")
    return [name, *map(_tree, expression.args)]


def _formula(tree: Tree) -> Expr:
    return _typed(sympy.Expr, _built(tree))


def _built(tree: Tree, parts: int = 0, functions: int = 0) -> Any:
    """What a tree states, which stands within so many parts, of which some are functions."""
    if isinstance(tree, str):
        return _leaf(tree)
    name, *within = tree
    head = {"Float": sympy.Float, "Root": Root}.get(name) or _head(name)
    functions += issubclass(head, Application)
    if parts >= MOST_PARTS or functions > MOST_FUNCTIONS:
        raise ValueError("its parts are nested too deep")
    arguments = [_built(part, parts + 1, functions) for part in within]
    if head is sympy.Float:
        return _float(*arguments)
    if head is Root:
        return _root(*arguments)
    if not all(_is_argument(head, k, a) for k, a in enumerate(arguments)):
        raise TypeError(f"{name} is given what it does not take")
    _require_small(head, arguments)
    return head(*arguments) if head is ExprCondPair else head(*arguments, evaluate=False)


def _float(value: Any, precision: Any) -> sympy.Float:
    if not (isinstance(precision, sympy.Integer) and 0 < precision <= MOST_BITS):
        raise ValueError("a number has too many digits, or no whole number of them")
    return sympy.Float(value, precision=int(precision))


def _root(equation: Any, lower: Any, upper: Any) -> Root:
    """The number, once it is proved again that there is one, and one alone."""
    if not (
        isinstance(equation, sympy.Expr) and isinstance(lower, sympy.Rational) and isinstance(upper, sympy.Rational)
    ):
        raise TypeError("a Root lies between two rational numbers")
    try:
        return proved_root(equation, lower, upper)
    except Unproved as e:
        raise ValueError(str(e)) from e


def _is_argument(head: Any, index: int, argument: Any) -> bool:
    """Whether SymPy's class takes it there: a symbol would pass for a truth value, and a truth value for a number."""
    if head is sympy.Piecewise:
        return isinstance(argument, ExprCondPair)
    if issubclass(head, BooleanFunction) or (head is ExprCondPair and index == 1):
        return isinstance(argument, Boolean) and not isinstance(argument, sympy.Expr)
    return isinstance(argument, sympy.Expr)


def _leaf(text: str) -> Any:
    if text == "z":
        return z
    if text in _CONSTANTS:
        return getattr(sympy.S, text)
    if len(text) > MOST_BITS or not re.fullmatch(r"-?[0-9]+(/0*[1-9][0-9]*)?", text):
        raise ValueError(f"{text[:40]!r} is no number")
    return sympy.Rational(text)


def _head(name: str) -> Any:
    """The class of SymPy's or ours that a name means; nothing but operations and functions has one."""
    before, dot, called = name.rpartition(".")
    for room in _ROOMS[before + dot]:
        found = getattr(room, called, None)
        if isinstance(found, type) and (issubclass(found, _OPERATIONS) or _is_function(found)):
            return found
    raise TypeError(f"{name!r} is no function")


def _is_function(head: Any) -> bool:
    return issubclass(head, Application) and head.__module__.startswith(_ORIGINS)


def _require_small(head: Any, arguments: list[Any]) -> None:
    """Refuse a constant that is huge, or whose exact number would be: SymPy may still come to write it out."""
    if not issubclass(head, sympy.Pow | Application):
        return
    if any(not isinstance(a, sympy.Expr) or a.has(z) for a in arguments):
        if head is sympy.Pow and _degree(sympy.Pow(*arguments, evaluate=False)) > MOST_DEGREE:
            raise ValueError("an exponent is too large")
        return
    sizes = [abs(sympy.N(head(*map(sympy.N, arguments)))) < sympy.Integer(2) ** MOST_BITS]
    if head is sympy.Pow:
        base, exponent = arguments
        bits = [n.bit_length() for r in base.atoms(sympy.Rational) for n in (r.p, r.q)]
        sizes.append(abs(sympy.N(exponent)) * max([64, *bits]) <= MOST_BITS)
    if not all(sizes):
        raise ValueError(f"a constant {head.__name__} has too many digits")


def _degree(expression: Any) -> Any:
    """A bound on the power of z that an expression holds, once it is multiplied out."""
    if not expression.args:
        return int(expression == z)
    degrees = [_degree(e) for e in expression.args]
    if isinstance(expression, sympy.Pow) and expression.exp.is_number:
        return degrees[0] * max(1, abs(sympy.N(expression.exp)))
    return sum(degrees) if isinstance(expression, sympy.Mul) else max(degrees)
