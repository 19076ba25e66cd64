"""chainderiv verify: symbolic gradients against judges that never see a derivative."""

from __future__ import annotations

import argparse
import math
from functools import partial

from chainderiv.checking.verification import Row, Verification
from chainderiv.checking.verify import verify
from chainderiv.commands import common
from chainderiv.symbolic.derive import derive

HEADER = ("parameter", "method", "judged", "worst |Δlog|", "allowed", "log10 |gradient|", "")
SHOWN_ROWS = 60


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
        _print(result, derivation is not None and "," in derivation.named)
    return 0 if result.passed else 3


def _print(result: Verification, second: bool) -> None:
    """The table; errors of a second derivative are relative to the sum of the sizes of its terms."""
    header = HEADER if not second else (*HEADER[:3], "worst |Δ|/Σ|terms|", *HEADER[4:])
    common.say(common.table(header, [_cells(row) for row in result.rows[:SHOWN_ROWS]]))
    if len(result.rows) > SHOWN_ROWS:
        common.say(f"… {len(result.rows) - SHOWN_ROWS} more rows (--json has them all)")
    worst = result.worst
    if worst is not None:
        blame = "" if worst.passed else f"; the fault is in {worst.factor}"
        common.say(
            f"worst: {worst.parameter} by {worst.method}, {'error' if second else '|Δlog|'} = {worst.worst_error:.2g} "
            f"of {worst.allowed:.2g} allowed{blame}"
        )
    if math.isfinite(result.smallest_noticed):
        common.say(
            f"a relative error of {result.smallest_noticed:.2g} in any one, the same at every point, would be noticed"
        )
    verdict = "agreed" if result.passed else "DISAGREED" if result.judged else "nothing could be judged"
    common.say(f"{verdict}: {result.judged} pairs of parameter and point judged")


def _cells(row: Row) -> tuple[str, ...]:
    judged = row.parameter, row.method, f"{row.judged}/{row.points}"
    if not row.judged:
        return (*judged, "", "", "", "")
    reach = f"{row.log10_smallest:.1f} to {row.log10_largest:.1f}"
    return (*judged, f"{row.worst_error:.1e}", f"{row.allowed:.1e}", reach, "ok" if row.passed else "FAILED")
