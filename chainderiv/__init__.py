"""Why a deep network's gradients vanish or explode: derived, mapped, verified and measured.

What stands here is public, and nothing else: the modules below are private, and what they hold may move.
The names load on first use (PEP 562), so importing chainderiv costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from chainderiv.version import __version__ as __version__

# for type checkers and editors, which read no dict; a test holds that it is _HOMES
if TYPE_CHECKING:
    from chainderiv import errors as errors
    from chainderiv.checking.audit import Audit as Audit
    from chainderiv.checking.audit import AuditRow as AuditRow
    from chainderiv.checking.audit import audit as audit
    from chainderiv.checking.verification import Row as Row
    from chainderiv.checking.verification import Verification as Verification
    from chainderiv.checking.verify import verify as verify
    from chainderiv.experiments.catalogue import EXPERIMENTS as EXPERIMENTS
    from chainderiv.experiments.catalogue import reproduce as reproduce
    from chainderiv.experiments.experiment import Experiment as Experiment
    from chainderiv.experiments.passing import with_passing_layers as with_passing_layers
    from chainderiv.experiments.runs import Source as Source
    from chainderiv.experiments.runs import Training as Training
    from chainderiv.experiments.runs import run_all as run_all
    from chainderiv.experiments.setup import Setup as Setup
    from chainderiv.functions.activation import Activation as Activation
    from chainderiv.functions.catalogue import ACTIVATIONS as ACTIVATIONS
    from chainderiv.functions.cost import COSTS as COSTS
    from chainderiv.functions.cost import Cost as Cost
    from chainderiv.functions.formula import parse_formula as parse_formula
    from chainderiv.functions.stable import Stable as Stable
    from chainderiv.logsign import LogSign as LogSign
    from chainderiv.maps.axis import Axis as Axis
    from chainderiv.maps.cluster import cluster as cluster
    from chainderiv.maps.disk.storing import Estimate as Estimate
    from chainderiv.maps.plan import Plan as Plan
    from chainderiv.maps.regime import Regime as Regime
    from chainderiv.maps.regime import regime as regime
    from chainderiv.maps.sweep import Sweep as Sweep
    from chainderiv.maps.sweep import sweep as sweep
    from chainderiv.maps.tally import Tally as Tally
    from chainderiv.maps.tally import tally as tally
    from chainderiv.nn.data.data import Data as Data
    from chainderiv.nn.data.data import Split as Split
    from chainderiv.nn.data.data import load_data as load_data
    from chainderiv.nn.initialise import INITIALISERS as INITIALISERS
    from chainderiv.nn.network import Forward as Forward
    from chainderiv.nn.network import Network as Network
    from chainderiv.nn.training.kept_network import load_network as load_network
    from chainderiv.nn.training.schedules import SCHEDULES as SCHEDULES
    from chainderiv.nn.training.training import train as train
    from chainderiv.numeric.evaluate import condition as condition
    from chainderiv.numeric.evaluate import evaluate as evaluate
    from chainderiv.numeric.kernel import suitable_engine as suitable_engine
    from chainderiv.records.record import TrainingRecord as TrainingRecord
    from chainderiv.records.statistics import against_the_one_before as against_the_one_before
    from chainderiv.symbolic.bounding.amplifying import Amplifying as Amplifying
    from chainderiv.symbolic.bounding.bounds import Bounds as Bounds
    from chainderiv.symbolic.bounding.bounds import bounds as bounds
    from chainderiv.symbolic.bounding.certainty import Certainty as Certainty
    from chainderiv.symbolic.bounding.widest import Widest as Widest
    from chainderiv.symbolic.chain import Chain as Chain
    from chainderiv.symbolic.chain import Parameter as Parameter
    from chainderiv.symbolic.comparison import Comparison as Comparison
    from chainderiv.symbolic.comparison import compare as compare
    from chainderiv.symbolic.derivation import Derivation as Derivation
    from chainderiv.symbolic.derive import derive as derive
    from chainderiv.symbolic.factor import Factor as Factor
    from chainderiv.symbolic.full_width.layer_expression import LayerParameter as LayerParameter
    from chainderiv.symbolic.full_width.layers import LayerDerivation as LayerDerivation
    from chainderiv.symbolic.full_width.layers import derive_layers as derive_layers
    from chainderiv.symbolic.second import SecondDerivation as SecondDerivation
    from chainderiv.symbolic.steps import Step as Step
    from chainderiv.symbolic.term import Term as Term
    from chainderiv.symbols import a as a
    from chainderiv.symbols import erfcx as erfcx
    from chainderiv.symbols import normal_cdf as normal_cdf
    from chainderiv.symbols import y as y
    from chainderiv.symbols import z as z
    from chainderiv.view.maps.animation import animate_sweep as animate_sweep
    from chainderiv.view.maps.maps import plot_link_map as plot_link_map
    from chainderiv.view.maps.maps import plot_sweep as plot_sweep
    from chainderiv.view.maps.maps import plot_sweeps as plot_sweeps
    from chainderiv.view.maps.quantities import Quantity as Quantity
    from chainderiv.view.maps.quantities import quantity_at as quantity_at
    from chainderiv.view.networks.curves import plot_accuracy as plot_accuracy
    from chainderiv.view.networks.curves import plot_bars as plot_bars
    from chainderiv.view.networks.curves import plot_norms as plot_norms
    from chainderiv.view.picture import save_picture as save_picture


_HOMES = {
    "ACTIVATIONS": "functions.catalogue",
    "Activation": "functions.activation",
    "Amplifying": "symbolic.bounding.amplifying",
    "Audit": "checking.audit",
    "AuditRow": "checking.audit",
    "Axis": "maps.axis",
    "Bounds": "symbolic.bounding.bounds",
    "COSTS": "functions.cost",
    "Certainty": "symbolic.bounding.certainty",
    "Chain": "symbolic.chain",
    "Comparison": "symbolic.comparison",
    "Cost": "functions.cost",
    "Data": "nn.data.data",
    "Derivation": "symbolic.derivation",
    "EXPERIMENTS": "experiments.catalogue",
    "Estimate": "maps.disk.storing",
    "Experiment": "experiments.experiment",
    "Factor": "symbolic.factor",
    "Forward": "nn.network",
    "INITIALISERS": "nn.initialise",
    "LayerDerivation": "symbolic.full_width.layers",
    "LayerParameter": "symbolic.full_width.layer_expression",
    "LogSign": "logsign",
    "Network": "nn.network",
    "Parameter": "symbolic.chain",
    "Plan": "maps.plan",
    "Quantity": "view.maps.quantities",
    "Regime": "maps.regime",
    "Row": "checking.verification",
    "SCHEDULES": "nn.training.schedules",
    "SecondDerivation": "symbolic.second",
    "Setup": "experiments.setup",
    "Source": "experiments.runs",
    "Split": "nn.data.data",
    "Stable": "functions.stable",
    "Step": "symbolic.steps",
    "Sweep": "maps.sweep",
    "Tally": "maps.tally",
    "Term": "symbolic.term",
    "Training": "experiments.runs",
    "TrainingRecord": "records.record",
    "Verification": "checking.verification",
    "Widest": "symbolic.bounding.widest",
    "a": "symbols",
    "against_the_one_before": "records.statistics",
    "animate_sweep": "view.maps.animation",
    "audit": "checking.audit",
    "bounds": "symbolic.bounding.bounds",
    "cluster": "maps.cluster",
    "compare": "symbolic.comparison",
    "condition": "numeric.evaluate",
    "derive": "symbolic.derive",
    "derive_layers": "symbolic.full_width.layers",
    "erfcx": "symbols",
    "evaluate": "numeric.evaluate",
    "load_data": "nn.data.data",
    "load_network": "nn.training.kept_network",
    "normal_cdf": "symbols",
    "parse_formula": "functions.formula",
    "plot_accuracy": "view.networks.curves",
    "plot_bars": "view.networks.curves",
    "plot_link_map": "view.maps.maps",
    "plot_norms": "view.networks.curves",
    "plot_sweep": "view.maps.maps",
    "plot_sweeps": "view.maps.maps",
    "quantity_at": "view.maps.quantities",
    "regime": "maps.regime",
    "reproduce": "experiments.catalogue",
    "run_all": "experiments.runs",
    "save_picture": "view.picture",
    "suitable_engine": "numeric.kernel",
    "sweep": "maps.sweep",
    "tally": "maps.tally",
    "train": "nn.training.training",
    "verify": "checking.verify",
    "with_passing_layers": "experiments.passing",
    "y": "symbols",
    "z": "symbols",
}
__all__ = sorted([*_HOMES, "__version__", "errors"])


if not TYPE_CHECKING:  # a type checker that saw it would take any name for ours

    def __getattr__(name: str) -> object:
        if name == "errors":
            return importlib.import_module("chainderiv.errors")
        if name not in _HOMES:
            raise AttributeError(f"module 'chainderiv' has no attribute {name!r}")
        return getattr(importlib.import_module(f"chainderiv.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
