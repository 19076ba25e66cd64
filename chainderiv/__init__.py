"""Why a deep network's gradients vanish or explode: derived, mapped, verified and measured.

The public names load on first use (PEP 562), so importing chainderiv costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from chainderiv.checking.audit import Audit as Audit
    from chainderiv.checking.audit import audit as audit
    from chainderiv.checking.verify import verify as verify
    from chainderiv.functions.activation import Activation as Activation
    from chainderiv.functions.cost import Cost as Cost
    from chainderiv.logsign import LogSign as LogSign
    from chainderiv.maps.axis import Axis as Axis
    from chainderiv.maps.sweep import Sweep as Sweep
    from chainderiv.maps.sweep import sweep as sweep
    from chainderiv.nn.data.data import load_data as load_data
    from chainderiv.nn.network import Network as Network
    from chainderiv.nn.training.kept_network import load_network as load_network
    from chainderiv.nn.training.training import train as train
    from chainderiv.numeric.evaluate import condition as condition
    from chainderiv.numeric.evaluate import evaluate as evaluate
    from chainderiv.records.record import TrainingRecord as TrainingRecord
    from chainderiv.symbolic.bounding.bounds import bounds as bounds
    from chainderiv.symbolic.chain import Chain as Chain
    from chainderiv.symbolic.comparison import compare as compare
    from chainderiv.symbolic.derive import derive as derive
    from chainderiv.symbolic.full_width.layers import derive_layers as derive_layers

__version__ = "0.1.0"

_HOMES = {
    "Activation": "functions.activation",
    "Audit": "checking.audit",
    "Axis": "maps.axis",
    "Chain": "symbolic.chain",
    "Cost": "functions.cost",
    "LogSign": "logsign",
    "Network": "nn.network",
    "Sweep": "maps.sweep",
    "TrainingRecord": "records.record",
    "audit": "checking.audit",
    "bounds": "symbolic.bounding.bounds",
    "compare": "symbolic.comparison",
    "condition": "numeric.evaluate",
    "derive": "symbolic.derive",
    "derive_layers": "symbolic.full_width.layers",
    "evaluate": "numeric.evaluate",
    "load_data": "nn.data.data",
    "load_network": "nn.training.kept_network",
    "sweep": "maps.sweep",
    "train": "nn.training.training",
    "verify": "checking.verify",
}
__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'chainderiv' has no attribute {name!r}")
    return getattr(importlib.import_module(f"chainderiv.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
