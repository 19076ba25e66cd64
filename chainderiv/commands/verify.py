"""chainderiv verify: symbolic gradients, or a claimed one, against judges that never see a derivative."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from chainderiv.checking.verify import verify
from chainderiv.commands import common
from chainderiv.symbolic.derive import derive


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = (
        "example: chainderiv verify --depth 24 --activation gelu\n"
        "         chainderiv verify --depth 2 --claim '(a2 - y) a2 (1 - a2) w2 a1 (1 - a1)' --wrt b1"
    )
    common.chain_options(parser)
    said = "a gradient of your own to be judged: a formula in w1, b1, z1, a1, …, x and y, or a line that derive prints"
    parser.add_argument("--claim", metavar="FORMULA", help=said)
    said = "one parameter, as b1, or two, as b1,w2 (default: every one to depth 24; of a claim b1)"
    parser.add_argument("--wrt", help=said)
    parser.add_argument("--points", default="100", help="random points (default 100)")
    parser.add_argument("--seed", default="0", help="seed of the points (default 0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Verify; exit code 3 if a judge disagrees or nothing could be judged."""
    chain = common.one_chain(options)
    wrt = common.wrt(options.wrt) if options.wrt else None
    derivation = derive(chain, wrt) if wrt and options.claim is None else None
    points, seed = common.whole("points", options.points), common.seed(options.seed)
    with common.progress() as show:
        told = partial(show, "parameters")
        claimed: dict[str, Any] = {} if options.claim is None else {"claim": options.claim, "wrt": wrt}
        result = verify(chain, derivation=derivation, points=points, rng=seed, progress=told, **claimed)
    if options.json:
        common.say_json(result.to_dict())
    else:
        common.show(result)
    return 0 if result.passed else 3
