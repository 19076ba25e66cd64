"""What a map on disk says of itself, in JSON: enough to know it again, to refuse another and to read it back."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from chainderiv.errors import DataError
from chainderiv.functions import described
from chainderiv.functions.described import Description
from chainderiv.maps.axis import Axis
from chainderiv.maps.plan import Plan
from chainderiv.symbolic.chain import Chain
from chainderiv.symbolic.derive import derive
from chainderiv.version import __version__

FORMAT = 1
SHOWN = 3  # differences that an error names


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
        kinds = [described.read(one) for one in description["activations"]]
        layers: Any = [kinds[k] for k, count in description["layers"] for _ in range(count)]
        depth, wrt = description["depth"], description["wrt"].split(",")
        chain = Chain(
            depth, layers if len(layers) == depth else layers[0], description["cost"]["name"], description["residual"]
        )
        axes = {a["name"]: Axis(a["start"], a["stop"], a["count"], a["scale"]) for a in description["axes"]}
        derivation = derive(chain, wrt[0] if len(wrt) == 1 else tuple(wrt))
        return Plan(derivation, description["engine"], axes, description["fixed"], tuple(description["tile_shape"]))
    except (KeyError, TypeError, IndexError, AttributeError) as e:
        raise DataError(f"the map's description is damaged ({e}); compute the map again") from e
