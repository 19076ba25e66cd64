"""chainderiv derive: print a gradient as a product of factors."""

from __future__ import annotations

import argparse
from typing import Any

from chainderiv.commands import common
from chainderiv.errors import BadValue
from chainderiv.logsign import LogSign
from chainderiv.symbolic import printing
from chainderiv.symbolic.comparison import compare
from chainderiv.symbolic.derivation import Derivation, derive

SHOWN_VALUES = 40


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = "example: chainderiv derive --depth 4 --at w=100,z=0"
    common.chain_options(parser)
    common.point_options(parser)
    parser.add_argument(
        "--steps", action="store_true", help="print the steps BP1, BP2, …, BP3 or BP4 before the result"
    )
    parser.add_argument("--to", metavar="TARGET", help=f"print it whole as {', '.join(printing.TARGETS)}")
    parser.add_argument("--compare", nargs=2, metavar=("B", "B"), help="two biases, such as b1 b3: their ratio")
    parser.add_argument("--at", metavar="NAME=NUMBER,…", help="every factor's value at w and b, or w and z")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Derive, then print what was asked for."""
    chain = common.one_chain(options)
    common.number("x", options.x)
    common.number("y", options.y)
    if options.compare:
        return _compare(chain, options)
    derivation = derive(chain, options.wrt)
    target = options.to or ("unicode" if common.speaks_unicode() else "text")
    # what was asked for is printed whole; what is merely shown is elided above 24 layers
    printed = derivation.to(target) if options.to else printing.equation(derivation, target, elide=True)
    values = _values(derivation, options) if options.at is not None else None
    if options.json:
        common.say_json(_as_json(derivation, target, printed, values, options.steps))
        return 0
    if options.steps:
        for step in derivation.steps:
            common.say(printing.step(chain, step))
    common.say(printed)
    # a form that was asked for by name stands alone, so that it can be piped
    if derivation.cancelled is not None and not options.to:
        common.say(f"the cost cancels {_unicode(derivation, derivation.cancelled)}")
    if values is not None:
        _print_values(derivation, values)
    return 0


def _compare(chain: Any, options: argparse.Namespace) -> int:
    others = {"--to": options.to, "--steps": options.steps, "--at": options.at}
    if clash := [flag for flag, value in others.items() if value]:
        raise BadValue(f"--compare is given with {clash[0]}; give one of them")
    both = compare(chain, *options.compare)
    if options.json:
        common.say_json({"equation": str(both), "between": [str(f) for f in both.between]})
    else:
        common.say(str(both))
    return 0


def _values(derivation: Derivation, options: argparse.Namespace) -> dict[str, Any]:
    given: dict[str, Any] = common.assignments("at", options.at)
    if unknown := set(given) - {"w", "b", "z", "x", "y"}:
        raise BadValue(f"--at names {sorted(unknown)[0]!r}; give w and either b or z (x and y too, if you like)")
    if "w" not in given:
        raise BadValue(f"--at is {options.at!r} and lacks w; give w and either b or z, such as w=100,z=0")
    given = {"x": common.number("x", options.x), "y": common.number("y", options.y)} | given
    factors = derivation.at(**given)
    total = factors[0]
    for factor in factors[1:]:
        total = total * factor
    return {"at": given, "factors": factors, "product": total, "links": _link_values(derivation, factors)}


def _link_values(derivation: Derivation, factors: Any) -> list[Any]:
    places = derivation.places
    pairs = range(len(places) - 1)
    return [factors[i] * factors[i + 1] for i in pairs if (places[i].kind, places[i + 1].kind) == ("weight", "prime")]


def _print_values(derivation: Derivation, values: dict[str, Any]) -> None:
    at = ", ".join(f"{name} = {value:g}" for name, value in values["at"].items())
    common.say(f"\nat {at}:")
    named = list(zip(derivation.factors, values["factors"], strict=True))
    for factor, value in named[:SHOWN_VALUES]:
        common.say(f"  {_unicode(derivation, factor):<10} = {_number(value)}")
    if len(named) > SHOWN_VALUES:
        common.say(f"  … {len(named) - SHOWN_VALUES} more (--json has them all)")
    for link, value in list(zip(derivation.links, values["links"], strict=True))[:SHOWN_VALUES]:
        factors = sorted(link.args, key=lambda f: not f.is_Symbol)
        common.say(f"  link {' '.join(_unicode(derivation, f) for f in factors)} = {_number(value)}")
    common.say(f"  product = {_number(values['product'])}, log10 = {values['product'].log10:.6g}")


def _unicode(derivation: Derivation, expression: Any) -> str:
    return printing.STYLES["unicode"].write(derivation.chain, expression)


def _number(value: Any) -> str:
    """Six digits, also where the number leaves float64."""
    plain = value.to_float()
    if value.sign == 0 or (plain != 0 and abs(plain) < float("inf")):
        return f"{plain:.6g}"
    whole = int(value.log10 // 1)
    return f"{'-' if value.sign < 0 else ''}{10 ** (value.log10 - whole):.6g}e{whole:+d}"


def _as_json(
    derivation: Derivation, target: str, printed: str, values: dict[str, Any] | None, steps: bool
) -> dict[str, Any]:
    result: dict[str, Any] = {
        "wrt": str(derivation.wrt),
        "target": target,
        "equation": printed,
        "factors": [str(f) for f in derivation.factors],
        "surviving": [str(f) for f in derivation.surviving],
    }
    if steps:
        result["steps"] = [printing.step(derivation.chain, step) for step in derivation.steps]
    if values is not None:
        result["at"] = values["at"]
        result["values"] = [_signed(v) for v in values["factors"]]
        result["links"] = [_signed(v) for v in values["links"]]
        result["product"] = _signed(values["product"])
    return result


def _signed(value: LogSign) -> dict[str, float]:
    # 14 digits: what exp(log) holds of a number that was typed as 100
    return {"sign": value.sign, "log": value.log, "value": float(f"{value.to_float():.14g}")}
