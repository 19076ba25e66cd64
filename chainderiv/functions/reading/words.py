"""called(): a word with its arguments made into a Node: an elementary function, one spelt in those, or a neuron.

Every name of the catalogue is a function of formulas, with its parameters in PyTorch's order and by PyTorch's keywords.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import sympy

from chainderiv.errors import BadValue, misspelt
from chainderiv.functions.formula_node import FUNCTIONS, TURNING, Fault, Node, call, constant, operate, turned
from chainderiv.functions.neurons.row import Row
from chainderiv.functions.neurons.table import ROWS, canonical

ONE, TWO, TEN = (Node(sympy.Integer(n), float(n)) for n in (1, 2, 10))
_ELEMENTARY = {name: word for word, row in FUNCTIONS.items() for name in (word, *row.aliases)}
Make = Callable[..., Node]


def _clip(at: int, u: Node, least: Node, most: Node) -> Node:
    if least.value is not None and most.value is not None and not least.value < most.value:
        raise Fault("clip's limits are not in order, the smaller first", at, "clip(z, 0, 6)")
    return call("Min", [most, call("Max", [least, u], at)], at)


# what is written with other functions: how many arguments it takes, and what it is
_SPELT: dict[str, tuple[int, Make]] = {
    "square": (1, lambda at, u: operate("**", u, TWO, at)),
    "pow": (2, lambda at, u, n: operate("**", u, n, at)),
    "log2": (1, lambda at, u: operate("/", call("log", [u], at), call("log", [TWO], at), at)),
    "log1p": (1, lambda at, u: call("log", [operate("+", ONE, u, at)], at)),
    "expm1": (1, lambda at, u: operate("-", call("exp", [u], at), ONE, at)),
    "erfc": (1, lambda at, u: operate("-", ONE, call("erf", [u], at), at)),
    "sech": (1, lambda at, u: operate("/", ONE, call("cosh", [u], at), at)),
    "clip": (3, _clip),
}
_SPELT |= {"power": _SPELT["pow"], "clamp": _SPELT["clip"]}
# functions of their own that are a letter from one that is read, and no misspelling of it
_OTHERS = frozenset({"asin", "acos", "acosh", "atanh", "arcsin", "arccosh", "arctanh", "coth", "csch", "erfi", "sint"})


def is_word(name: str) -> bool:
    """Whether a formula may call it."""
    return name in _ELEMENTARY or name in _SPELT or canonical(name) is not None


def branches(name: str) -> bool:
    """Whether a function turns where something is 0."""
    if name in _ELEMENTARY:
        return _ELEMENTARY[name] in TURNING
    known = canonical(name)
    return name in ("clip", "clamp") or (known is not None and _turns(ROWS[known]))


def called(name: str, given: Sequence[Node], named: Mapping[str, Node], at: int) -> Node:
    """A function of its arguments; raises Fault for another count, an unknown keyword, or what it cannot take."""
    known = None if name in _ELEMENTARY or name in _SPELT else canonical(name)
    if known is not None:
        return _neuron(ROWS[known], given, named, at)
    if named:
        raise Fault(f"{name} takes no {next(iter(named))}=; give the number in its place", at)
    if name in _ELEMENTARY:
        return call(_ELEMENTARY[name], given, at)
    count, make = _SPELT[name]
    if len(given) != count:
        example = f"{name}({', '.join(('z', '2', '6')[:count])})"
        raise Fault(f"{name} is given {len(given)}; it takes {count}", at, example)
    return make(at, *given)


def unknown(name: str, at: int) -> Fault:
    """What to say of a function that is none."""
    near = None if name in _OTHERS else misspelt(name, [*FUNCTIONS, *_SPELT, *ROWS, "where"])
    if near is not None:
        return Fault(f"{name[:40]!r} is no known function; did you mean {near!r}?", at)
    known = ", ".join([*FUNCTIONS, "where"])
    return Fault(f"{name[:40]!r} is no known function (known: {known}, and the catalogue's names)", at)


def _turns(row: Row) -> bool:
    return bool(row.stated.has(sympy.Piecewise, sympy.Abs))


def _neuron(row: Row, given: Sequence[Node], named: Mapping[str, Node], at: int) -> Node:
    words = [p.word for p in row.parameters]
    most, shape = 1 + len(words), ", ".join(["z", *(f"{p.word}={p.default}" for p in row.parameters)])
    if not 1 <= len(given) <= most:
        raise Fault(f"{row.name} is given {len(given)} arguments", at, f"{row.name}({shape})")
    if odd := [word for word in named if word not in words[len(given) - 1 :]]:
        raise Fault(f"{row.name} takes no {odd[0]}= here", at, f"{row.name}({shape})")
    u, chosen = given[0], dict(zip(words, given[1:], strict=False)) | dict(named)
    values = [_parameter(row, k, chosen, at) for k in range(len(words))]
    try:
        made = row.formula(u.expression, *values)
    except BadValue as e:
        raise Fault(str(e), at) from None
    if u.value is not None:
        return constant(made, at)
    if _turns(row):
        made = turned(lambda e: row.formula(e, *values), u.expression, row.name, at)
    powers = any(p.exp.is_Integer and p.exp > 1 for p in row.stated.atoms(sympy.Pow))
    return Node(made, None, u.stacked + powers)


def _parameter(row: Row, k: int, chosen: Mapping[str, Node], at: int) -> sympy.Expr:
    parameter = row.parameters[k]
    node = chosen.get(parameter.word)
    if node is None:
        return parameter.default
    example = f"{row.name}(z, {', '.join(f'{p.word}={p.default}' for p in row.parameters)})"
    if node.value is None:
        raise Fault(f"{row.name}'s {parameter.word} holds z, and is a number", at, example)
    if parameter.positive and not node.value > 0:
        raise Fault(f"{row.name}'s {parameter.word} is {node.value:g}, and has to be above 0", at, example)
    return node.expression
