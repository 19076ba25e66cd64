"""chainderiv derive: print a gradient as a product of factors, or a second derivative as a sum of them."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from functools import partial
from typing import Any

from chainderiv.commands import common
from chainderiv.errors import BadValue
from chainderiv.symbolic.comparison import compare
from chainderiv.symbolic.derivation import Derivation
from chainderiv.symbolic.derive import derive
from chainderiv.symbolic.notation import equations
from chainderiv.symbolic.referee import Signed, factor_values, second_value, term_values
from chainderiv.symbolic.second import SecondDerivation
from chainderiv.symbolic.style import FORMS_OF_A_PRODUCT, PAGE
from chainderiv.symbolic.targets import TARGETS
from chainderiv.wording import formatted

SHOWN_VALUES = 40
LONG = 20_000  # layers whose values take more than a second
Derived = Derivation | SecondDerivation


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv derive --depth 4 --at w=100,z=0\n"
        "         chainderiv derive --depth 9 --to latex --form product"
    )
    common.chain_options(parser)
    common.wrt_option(parser)
    add = parser.add_argument
    add("--x", default="0.5", help="input (default 0.5)")
    add("--y", default="0", help="target (default 0)")
    add("--steps", action="store_true", help="print the steps BP1, BP2, …, BP3 or BP4 before the result")
    add("--to", metavar="TARGET", help=f"print it whole as {', '.join(TARGETS)}")
    add(
        "--form",
        default="factors",
        metavar="FORM",
        help=f"the links as {', '.join(FORMS_OF_A_PRODUCT)} (default factors)",
    )
    add("--spelled", action="store_true", help="write out phi' and dC/da, as sigma(z)(1 - sigma(z)) and a - y")
    add("--where", action="store_true", help="and say what z, a, phi and C are")
    add("--symbols", metavar="NAME=SYMBOL,…", help="names of your own, such as w=theta,phi=f,C=J,L=L")
    add("--surviving", action="store_true", help="only what is left after the cost has cancelled what it cancels")
    add("--width", metavar="PT", help=f"of LaTeX's lines (default {PAGE:g}, article's; 246 in two columns; none)")
    add("--standalone", action="store_true", help="LaTeX as a whole document")
    add("--compare", nargs=2, metavar=("B", "B"), help="two biases, such as b1 b3: their ratio")
    add("--at", metavar="NAME=NUMBER,…", help="every factor's value at w and b, or w and z")
    add(
        "--layers", metavar="SIZES", help="BP1 to BP4 of a network of full width, as 784,30,10, in the place of a chain"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Derive, then print what was asked for."""
    if options.layers is not None:
        printed_layers: int = common.command("layers").print_layers(options)
        return printed_layers
    chain = common.one_chain(options)
    common.number("x", options.x)
    common.number("y", options.y)
    if options.compare:
        return _compare(chain, options)
    derived = derive(chain, common.wrt(options.wrt))
    target = options.to or ("unicode" if common.speaks_unicode() else "text")
    style = _style(options)
    # what was asked for is printed whole; what is merely shown is elided above 24 layers
    printed = derived.to(target, **style) if options.to or style else derived.shown(target)
    values = _values(derived, options) if options.at is not None else None
    if options.json:
        common.say_json(_as_json(derived, target, printed, values, options.steps))
        return 0
    form = target if target in ("text", "latex") else "unicode"
    if options.steps:
        for step in derived.steps:
            common.say(derived.line(step, form))
        if isinstance(derived, SecondDerivation):
            common.say("product rule: each factor that the other parameter moves is differentiated once, a term each")
    common.say(printed)
    # a form that was asked for by name stands alone, so that it can be piped
    if derived.cancelled is not None and not options.to and not options.surviving:
        cancelled = _written(derived, derived.cancelled, form)
        common.say(f"the cost cancels {cancelled}: {derived.shown(form, surviving=True)}")
    if values is not None:
        _print_values(derived, values)
    return 0


def _style(options: argparse.Namespace) -> dict[str, Any]:
    """The keywords of Derivation.to that the flags give."""
    flags = ("spelled", "where", "surviving", "standalone")
    style: dict[str, Any] = {name: True for name in flags if getattr(options, name)}
    if options.form != "factors":
        style["form"] = options.form
    if options.width is not None:
        style["width"] = None if options.width.lower() == "none" else common.number("width", options.width)
    if options.symbols is not None:
        style["symbols"] = common.named_values("symbols", options.symbols, "names and symbols", "w=theta,phi=f")
    return style


def _compare(chain: Any, options: argparse.Namespace) -> int:
    others = {"--to": options.to, "--steps": options.steps, "--at": options.at, "--wrt": options.wrt != "b1"}
    others |= {f"--{name}": True for name in _style(options)}
    if clash := [flag for flag, value in others.items() if value]:
        raise BadValue(f"--compare is given with {clash[0]}; give one of them")
    both = compare(chain, *options.compare)
    if options.json:
        names = ("between", "below", "common", "links")
        parts = {name: [str(f) for f in getattr(both, name)] for name in names}
        common.say_json({"equation": str(both)} | parts)
    else:
        common.say(str(both))
    return 0


def _values(derived: Derived, options: argparse.Namespace) -> dict[str, Any]:
    given = _assignments(options.at)
    if unknown := set(given) - {"w", "b", "z", "x", "y"}:
        raise BadValue(f"--at names {sorted(unknown)[0]!r}; give w and either b or z (x and y too, if you like)")
    if "w" not in given:
        raise BadValue(f"--at is {options.at!r} and lacks w; give w and either b or z, such as w=100,z=0")
    given = {"x": common.number("x", options.x), "y": common.number("y", options.y)} | given
    with common.progress() as show:
        told = partial(show, "layers") if derived.chain.depth >= LONG else None
        if isinstance(derived, SecondDerivation):
            terms = map(_product, term_values(derived.chain, derived.terms, **given, progress=told))
            total = second_value(derived.chain, derived.surviving, **given)
            return {"at": given, "term_values": list(terms), "sum": total}
        factors = factor_values(derived.chain, derived.places, **given, progress=told)
    return {"at": given, "values": factors, "product": _product(factors), "links": _link_values(derived, factors)}


def _product(factors: Iterable[Signed]) -> Signed:
    """Of numbers that are finite, each and its logarithm but a zero's."""
    signs, logs = zip(*factors, strict=True)
    return Signed(math.prod(signs) + 0.0, sum(logs))  # unsigns a zero


def _assignments(text: str) -> dict[str, Any]:
    """w=100,z=0 as a dict; raises BadValue."""
    pairs = common.named_values("at", text, "name=number pairs", "w=100,z=0")
    return {name: common.number(f"at {name}", value) for name, value in pairs.items()}


def _link_values(derivation: Derivation, factors: Any) -> list[Any]:
    kinds = [place.kind for place in derivation.places]
    if derivation.chain.residual:
        return [value for kind, value in zip(kinds, factors, strict=True) if kind == "link"]
    pairs = range(len(kinds) - 1)
    return [_product(factors[i : i + 2]) for i in pairs if (kinds[i], kinds[i + 1]) == ("weight", "prime")]


def _print_values(derived: Derived, values: dict[str, Any]) -> None:
    at = ", ".join(f"{name} = {value:g}" for name, value in values["at"].items())
    common.say(f"\nat {at}:")
    if isinstance(derived, SecondDerivation):
        rows = [(f"term {k}", value) for k, value in enumerate(values["term_values"], start=1)]
        total = "sum", values["sum"]
    else:
        # a name is a SymPy object: of a million factors only those that are shown are made
        shown = zip(derived.factors[:SHOWN_VALUES], values["values"], strict=False)
        rows = [(_written(derived, f), v) for f, v in shown]
        total = "product", values["product"]
    count = len(values["term_values"] if isinstance(derived, SecondDerivation) else values["values"])
    for name, value in rows[:SHOWN_VALUES]:
        common.say(f"  {name:<10} = {_number(value)}")
    if count > SHOWN_VALUES:
        common.say(f"  … {count - SHOWN_VALUES} more (--json has them all)")
    # in a residual chain the links are factors themselves
    if isinstance(derived, Derivation) and not derived.chain.residual:
        _print_links(derived, values["links"])
    common.say(f"  {total[0]} = {_number(total[1])}, log10 = {total[1].log / math.log(10):.6g}")


def _print_links(derivation: Derivation, values: list[Any]) -> None:
    for link, value in zip(derivation.links[:SHOWN_VALUES], values, strict=False):
        factors = sorted(link.args, key=lambda f: not f.is_Symbol)
        common.say(f"  link {' '.join(_written(derivation, f) for f in factors)} = {_number(value)}")


def _number(value: Signed) -> str:
    return formatted(*value, ".6g")


def _written(derived: Derived, expression: Any, form: str = "unicode") -> str:
    return equations.expression(derived.chain, expression, form)


def _as_json(derived: Derived, target: str, printed: str, values: dict[str, Any] | None, steps: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"wrt": derived.named, "target": target, "equation": printed}
    if isinstance(derived, SecondDerivation):
        result["terms"] = [[str(f) for f in term.factors] for term in derived.terms]
        result["surviving"] = [[str(f) for f in term.factors] for term in derived.surviving]
    else:
        result["factors"] = [str(f) for f in derived.factors]
        result["surviving"] = [str(f) for f in derived.surviving]
    result["cancelled"] = None if derived.cancelled is None else str(derived.cancelled)
    if steps:
        result["steps"] = [derived.line(step) for step in derived.steps]
    return result | {name: value if name == "at" else _signed(value) for name, value in (values or {}).items()}


def _signed(value: Any) -> Any:
    if not isinstance(value, Signed):
        return list(map(_signed, value))
    # 14 digits: what exp(log) holds of a number that was typed as 100
    return {"sign": value.sign, "log": value.log, "value": float(formatted(*value, ".14g"))}
