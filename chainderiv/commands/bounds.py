"""chainderiv bounds: how large φ' can be, and which weights can amplify."""

from __future__ import annotations

import argparse

from chainderiv.commands import common
from chainderiv.errors import BadValue
from chainderiv.symbolic.bounding import text
from chainderiv.symbolic.bounding.amplifying import Amplifying
from chainderiv.symbolic.bounding.bounds import Bounds, bounds
from chainderiv.symbolic.bounding.certainty import Certainty
from chainderiv.symbolic.bounding.probability import is_finite_at, spread_of
from chainderiv.symbols import Expr

MOST_DIGITS = 1000


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = "example: chainderiv bounds sigmoid --w 8 --s 1\n         chainderiv bounds 'z/(1+exp(-1.5*z))'"
    parser.add_argument("name", metavar="NAME", help="sigmoid, tanh, relu, …, or a formula such as 'z/(1+exp(-1.5*z))'")
    parser.add_argument("--w", metavar="NUMBER", help="a weight, such as 8, 6.9 or 13/2: where its link amplifies")
    parser.add_argument("--b", default="0", metavar="NUMBER", help="the bias that goes with it (default 0)")
    parser.add_argument("--s", default="1", metavar="NUMBER", help="standard deviation of random weights (default 1)")
    parser.add_argument("--z", metavar="NUMBER", help="where random weights meet φ' (default 0)")
    parser.add_argument("--digits", default=str(text.DIGITS), help=f"digits that are printed (default {text.DIGITS})")
    parser.add_argument("--audit", action="store_true", help="also how many digits φ, φ' and log|φ'| hold in float64")
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Bound, then print."""
    digits = common.whole("digits", options.digits)
    if not 1 <= digits <= MOST_DIGITS:
        raise BadValue(f"--digits is {digits}; give a whole number from 1 to {MOST_DIGITS}")
    if options.w is None and options.b != "0":
        raise BadValue("--b is given without --w; give the weight that it goes with")
    found = bounds(common.stated_neuron(options.name))
    z = "0" if options.z is None else options.z
    chances = _chances(found, options, z)
    sets = None if options.w is None else _sets(found, options)
    audited = None
    if options.audit:
        from chainderiv.checking.audit import audit

        audited = audit(found.activation)
    if options.json:
        result = text.as_dict(found, digits)
        result["probabilities"] = {"s": options.s, "z": z} | {
            name: None if value is None else text.both(value, digits)
            for name, value in zip(("exceeds", "under_quarter"), chances.values(), strict=True)
        }
        result |= {} if sets is None else {"interval": text.sets_as_dict(sets, digits)}
        common.say_json(result | ({} if audited is None else {"audit": audited.to_dict()}))
        return 0
    common.say(text.as_text(found, digits))
    rows = [(name, text.number(value, digits), Certainty.EXACT) for name, value in chances.items() if value is not None]
    said = "\n".join(text.lines(rows)) if rows else f"  φ'({z}) is not finite; give another --z"
    common.say(f"\nfor w ~ N(0, {options.s}²) at z = {z}:\n{said}")
    if sets is not None:
        common.say(f"\nat w = {options.w}, b = {options.b}:\n" + "\n".join(text.lines(text.sets(sets, digits))))
    if audited is not None:
        common.say()
        common.show(audited)
    return 0


def _chances(found: Bounds, options: argparse.Namespace, z: str) -> dict[str, Expr | None]:
    """The probabilities of random weights; None where z is not given, and φ' not finite at the usual one."""
    read = {"> 1": found.probability_exceeds, "< 1/4": found.probability_under_quarter}
    infinite = options.z is None and not is_finite_at(found.activation, z)
    spread_of(options.s)  # which is read where no probability is, too
    return {f"P(|w φ'({z})| {size})": None if infinite else of(options.s, z) for size, of in read.items()}


def _sets(found: Bounds, options: argparse.Namespace) -> Amplifying:
    sets = found.interval(options.w, options.b)
    assert isinstance(sets, Amplifying)  # a number gives one
    return sets
