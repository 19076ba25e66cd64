"""chainderiv verify: symbolic gradients against judges that never see a derivative."""

from __future__ import annotations

import argparse
from functools import partial

from chainderiv.checking.verify import verify
from chainderiv.commands import common
from chainderiv.symbolic.derive import derive


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options."""
    parser.epilog = "example: chainderiv verify --depth 24 --activation gelu"
    common.chain_options(parser)
    parser.add_argument("--wrt", help="one parameter, as b1, or two, as b1,w2 (default: every one to depth 24)")
    parser.add_argument("--points", default="100", help="random points (default 100)")
    parser.add_argument("--seed", default="0", help="seed of the points (default 0)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Verify; exit code 3 if a judge disagrees or nothing could be judged."""
    chain = common.one_chain(options)
    derivation = derive(chain, common.wrt(options.wrt)) if options.wrt else None
    points, seed = common.whole("points", options.points), common.seed(options.seed)
    with common.progress() as show:
        told = partial(show, "parameters")
        result = verify(chain, derivation, points=points, rng=seed, progress=told)
    if options.json:
        common.say_json(result.to_dict())
    else:
        common.show(result)
    return 0 if result.passed else 3
