"""Names, units and attributes of a map's arrays, the same in zarr, netCDF and xarray; CF's where it has them."""

from __future__ import annotations

import json
from typing import Any

from chainderiv.maps.disk.manifest import describe
from chainderiv.maps.plan import Plan
from chainderiv.maps.regime import BAND, Regime
from chainderiv.version import __version__

DESCRIPTION = "chainderiv"  # the attribute that holds what the map is, as JSON
_KINDS = {"w": "weight", "b": "bias", "z": "pre-activation (the bias follows)", "x": "input", "y": "target"}


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
        DESCRIPTION: json.dumps(describe(plan), ensure_ascii=False),
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
    known: dict[str, dict[str, Any]] = {
        "sign": {"long_name": f"sign of {of}; 0 too where log_abs is NaN"},
        "log_abs": {"long_name": f"natural logarithm of the size of {of}; -inf where it is 0, NaN where undefined"},
        "link_log_sum": {"long_name": f"sum over the {links} of the natural logarithm of the link's size"},
        "largest_link": {"long_name": f"largest over the {links} of the natural logarithm of the link's size"},
        "uncertain": {"long_name": "whether amplified rounding leaves log_abs uncertain"},
        "rate": {"long_name": f"mean over the {links} of the natural logarithm of the link's size"},
        "regime": {
            "long_name": f"regime by the rate, stable within {BAND} of 0",
            "flag_values": [int(r) for r in Regime],
            "flag_meanings": " ".join(r.name.lower() for r in Regime),
        },
        "below_quarter": {"long_name": "whether every link's size is under 1/4"},
    }
    return {"units": "1"} | known[name]
