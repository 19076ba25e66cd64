"""What a map on disk says of itself.

In JSON, enough to know it again, to refuse another and to read it back; and to any reader the names, units and
attributes of its arrays, the same in zarr, netCDF and xarray; CF's where it has them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import groupby, repeat
from typing import Any

from chainderiv.errors import ChainderivError, DataError
from chainderiv.functions import described
from chainderiv.functions.described import Description
from chainderiv.given import is_whole
from chainderiv.maps.axis import Axis
from chainderiv.maps.keywords import plan_of
from chainderiv.maps.plan import Plan
from chainderiv.maps.regime import BAND, Regime
from chainderiv.symbolic.chain import Chain
from chainderiv.version import __version__

FORMAT = 1
SHOWN = 3  # differences that an error names
DESCRIPTION = "chainderiv"  # the attribute that holds what the map is, as JSON
SUM = "sha256"  # in a description that is kept: of all that it says beside
_KINDS = {"w": "weight", "b": "bias", "z": "pre-activation (the bias follows)", "x": "input", "y": "target"}


def describe(plan: Plan) -> Description:
    """A plan in plain JSON values; plans that give other numbers have other descriptions.

    >>> from chainderiv.maps.keywords import plan_of
    >>> describe(plan_of(Chain(depth=4), w=Axis(-1, 1, 3), b=0))["axes"]
    [{'name': 'w', 'start': -1.0, 'stop': 1.0, 'count': 3, 'scale': 'linear'}]
    """
    chain = plan.derivation.chain
    kinds = list(dict.fromkeys(chain.activations))
    return {
        "format": FORMAT,
        "package": f"chainderiv {__version__}",
        "depth": chain.depth,
        "activations": [described.describe(one) for one in kinds],
        # [k, n]: activation k in n layers
        "layers": [[kinds.index(one), len(list(run))] for one, run in groupby(chain.activations)],
        "cost": {"name": chain.cost.name, "formula": str(chain.cost.formula)},
        "residual": chain.residual,
        "wrt": plan.derivation.named,
        "engine": plan.engine,
        "axes": [
            {"name": name, "start": float(a.start), "stop": float(a.stop), "count": int(a.count), "scale": a.scale}
            for name, a in plan.axes.items()
        ],
        "fixed": dict(plan.fixed),
        "tile_shape": list(plan.tile_shape),
    }


def sealed(description: Description) -> Description:
    """The description with the SHA-256 of what it says."""
    return description | {SUM: _sum_of(description)}


def is_sealed(description: Description) -> bool:
    """Whether it says what it said when it was sealed."""
    return description.get(SUM) == _sum_of({name: value for name, value in description.items() if name != SUM})


def _sum_of(description: Description) -> str:
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def difference(there: Description, here: Description) -> str:
    """What two descriptions do not share, in words; '' where they are one.

    >>> difference({"depth": 4, "fixed": {"x": 0.5}}, {"depth": 5, "fixed": {"x": 0.5}})
    'depth is 4 there and 5 here'
    >>> difference({"axes": [{"name": "w", "stop": 1.0}]}, {"axes": [{"name": "w", "stop": 2.0}]})
    'w.stop is 1.0 there and 2.0 here'
    """
    one, two = _flat(there), _flat(here)
    names = [name for name in {**one, **two} if one.get(name) != two.get(name)]
    # older maps hold no trees; their formulas and digests are compared
    names = [n for n in names if ".exact." not in n or (n in one and n in two)]
    # a digest or a tree says nothing to a reader who is told the formula
    names = [n for n in names if not n.endswith(".stable") and ".exact." not in n] or names
    said = [f"{n} is {one.get(n, 'not given')} there and {two.get(n, 'not given')} here" for n in names[:SHOWN]]
    return ", ".join(said) + (f" (and {len(names) - SHOWN} more)" if len(names) > SHOWN else "")


def _flat(value: Any, name: str = "") -> dict[str, Any]:
    if isinstance(value, list) and value and all(isinstance(v, Mapping) for v in value):
        # a list of what has names: the names in order, and each under its own
        return {name: ", ".join(v["name"] for v in value)} | {
            k: v
            for part in value
            for k, v in _flat({n: w for n, w in part.items() if n != "name"}, part["name"]).items()
        }
    if isinstance(value, Mapping):
        return {k: v for key, part in value.items() for k, v in _flat(part, f"{name}.{key}" if name else key).items()}
    return {name: value}


def plan_from(description: Description) -> Plan:
    """The plan that `describe` described.

    Raises
    ------
    DataError
        For another format, or a description that is none.
    BadValue
        For an activation that no catalogue holds and whose formula is no text that the parser reads.
    """
    if description.get("format") != FORMAT:
        raise DataError(
            f"the map has the format {description.get('format')!r}, and this is chainderiv {__version__}, which reads "
            f"format {FORMAT}; read it with the version that wrote it ({description.get('package')})"
        )
    try:
        plan = _plan_from(description)
    except (KeyError, TypeError, IndexError, AttributeError, ArithmeticError, ValueError) as e:
        if isinstance(e, ChainderivError):
            raise
        raise DataError(f"the map's description is damaged ({e}); compute the map again") from e
    tile = description["tile_shape"]
    if len(tile) != len(plan.shape) or not all(map(is_whole, tile, repeat(1), plan.shape)):
        raise DataError(f"the map's description is damaged (tile_shape is {tile!r}); compute the map again")
    return replace(plan, tile_shape=tuple(tile))


def _plan_from(description: Description) -> Plan:
    kinds = [described.read(one) for one in description["activations"]]
    depth, runs = description["depth"], description["layers"]
    # counted before they are laid out: a damaged count may be any
    if sum(count for _, count in runs) not in (1, depth) or not all(is_whole(count, 1) for _, count in runs):
        raise DataError(f"the map's description is damaged (layers of {depth!r} are {runs!r}); compute the map again")
    layers: Any = [kinds[k] for k, count in runs for _ in range(count)]
    cost, wrt = description["cost"]["name"], tuple(description["wrt"].split(","))
    chain = Chain(depth, layers if len(layers) == depth else layers[0], cost, description["residual"])
    axes = {a["name"]: Axis(a["start"], a["stop"], a["count"], a["scale"]) for a in description["axes"]}
    # which looks at each name and number as if they were typed
    return plan_of(chain, wrt if len(wrt) > 1 else wrt[0], description["engine"], **axes, **description["fixed"])


def map_attributes(plan: Plan) -> dict[str, str]:
    """The attributes of the whole map."""
    chain, named = plan.derivation.chain, plan.derivation.named
    kinds = list(dict.fromkeys(chain.activations))
    return {
        "title": f"gradient of the cost by {named} of {chain!r}",
        "chain": repr(chain),
        "formula": "; ".join(f"{one.name}: {one.formula}" for one in kinds),
        "cost": f"{chain.cost.name}: {chain.cost.formula}",
        "wrt": named,
        "fixed": ", ".join(f"{name}={value!r}" for name, value in plan.fixed.items()),
        "source": f"chainderiv {__version__}, engine {plan.engine}",
        DESCRIPTION: json.dumps(sealed(describe(plan)), ensure_ascii=False),
    }


def axis_attributes(name: str) -> dict[str, str]:
    """The attributes of a coordinate."""
    kind = _KINDS.get(name[0], name)
    of = "" if name in ("x", "y") else f" of layer {name[1:]}" if name[1:].isdigit() else " of every layer"
    return {"long_name": f"{kind}{of}" if name in _KINDS or name[1:].isdigit() else name, "units": "1"}


def variable_attributes(name: str, plan: Plan) -> dict[str, Any]:
    """The attributes of an array of the map."""
    of = f"the derivative of the cost by {plan.derivation.named}"
    links = "links l = 2 … L"
    known = {
        "sign": f"sign of {of}; 0 too where log_abs is NaN",
        "log_abs": f"natural logarithm of the size of {of}; -inf where it is 0, NaN where undefined",
        "log10_abs": f"decimal logarithm of the size of {of}; -inf where it is 0, NaN where undefined",
        "link_log_sum": f"sum over the {links} of the natural logarithm of the link's size",
        "largest_link": f"largest over the {links} of the natural logarithm of the link's size",
        "uncertain": "whether amplified rounding leaves log_abs uncertain",
        "rate": f"mean over the {links} of the natural logarithm of the link's size",
        "regime": f"regime by the rate, stable within {BAND} of 0",
        "below_quarter": "whether every link's size is under 1/4",
    }
    names = " ".join(r.name.lower() for r in Regime)
    flags = {"flag_values": [int(r) for r in Regime], "flag_meanings": names} if name == "regime" else {}
    return {"units": "1", "long_name": known[name]} | flags
