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
    from chainderiv.checking.audit import Audit as Audit, AuditRow as AuditRow, audit as audit
    from chainderiv.checking.verification import Row as Row, Verification as Verification
    from chainderiv.checking.verify import verify as verify
    from chainderiv.experiments.catalogue import REPRODUCTIONS as REPRODUCTIONS, reproduce as reproduce
    from chainderiv.experiments.experiment import Experiment as Experiment
    from chainderiv.experiments.nielsen5 import EXPERIMENTS as EXPERIMENTS
    from chainderiv.experiments.passing import with_passing_layers as with_passing_layers
    from chainderiv.experiments.reproduction import Reproduction as Reproduction
    from chainderiv.experiments.runs import Source as Source, Training as Training, run_all as run_all
    from chainderiv.experiments.setup import Setup as Setup
    from chainderiv.functions.activation import Activation as Activation
    from chainderiv.functions.catalogue import ACTIVATIONS as ACTIVATIONS
    from chainderiv.functions.cost import COSTS as COSTS, Cost as Cost
    from chainderiv.functions.formula import parse_formula as parse_formula
    from chainderiv.functions.stable import Stable as Stable
    from chainderiv.logsign import LogSign as LogSign
    from chainderiv.maps.axis import Axis as Axis
    from chainderiv.maps.cluster import cluster as cluster
    from chainderiv.maps.counted import Tally as Tally
    from chainderiv.maps.disk.storing import Estimate as Estimate
    from chainderiv.maps.plan import Plan as Plan
    from chainderiv.maps.regime import Regime as Regime, regime as regime
    from chainderiv.maps.sweep import Sweep as Sweep, sweep as sweep
    from chainderiv.maps.tally import tally as tally
    from chainderiv.models.layer_diagnosis import LayerDiagnosis as LayerDiagnosis
    from chainderiv.models.watch import watch as watch
    from chainderiv.models.watching.record import WatchedLayer as WatchedLayer, WatchRecord as WatchRecord
    from chainderiv.models.watching.watching import Watch as Watch
    from chainderiv.nn.advice import Advice as Advice, advise as advise
    from chainderiv.nn.data.data import Data as Data, Split as Split, load_data as load_data
    from chainderiv.nn.initialise import INITIALISERS as INITIALISERS
    from chainderiv.nn.network import Forward as Forward, Network as Network
    from chainderiv.nn.prediction import Prediction as Prediction, predict as predict
    from chainderiv.nn.starts import Gaussian as Gaussian
    from chainderiv.nn.training.kept_network import load_network as load_network
    from chainderiv.nn.training.schedules import SCHEDULES as SCHEDULES
    from chainderiv.nn.training.training import train as train
    from chainderiv.numeric.evaluate import condition as condition, evaluate as evaluate
    from chainderiv.numeric.kernel import suitable_engine as suitable_engine
    from chainderiv.pages.diagnosis import Diagnosis as Diagnosis, diagnose as diagnose
    from chainderiv.records.record import TrainingRecord as TrainingRecord
    from chainderiv.records.statistics import against_the_one_before as against_the_one_before
    from chainderiv.symbolic.bounding.amplifying import Amplifying as Amplifying
    from chainderiv.symbolic.bounding.bounds import Bounds as Bounds, bounds as bounds
    from chainderiv.symbolic.bounding.certainty import Certainty as Certainty
    from chainderiv.symbolic.bounding.widest import Widest as Widest
    from chainderiv.symbolic.chain import Chain as Chain, Parameter as Parameter
    from chainderiv.symbolic.comparison import Comparison as Comparison, compare as compare
    from chainderiv.symbolic.derivation import Derivation as Derivation
    from chainderiv.symbolic.derive import derive as derive
    from chainderiv.symbolic.factor import Factor as Factor
    from chainderiv.symbolic.full_width.layer_expression import LayerParameter as LayerParameter
    from chainderiv.symbolic.full_width.layers import LayerDerivation as LayerDerivation, derive_layers as derive_layers
    from chainderiv.symbolic.second import SecondDerivation as SecondDerivation
    from chainderiv.symbolic.steps import Step as Step
    from chainderiv.symbolic.term import Term as Term
    from chainderiv.symbols import a as a, erfcx as erfcx, normal_cdf as normal_cdf, y as y, z as z
    from chainderiv.theory.critical import (
        CriticalLine as CriticalLine,
        CriticalPoint as CriticalPoint,
        critical_line as critical_line,
        critical_points as critical_points,
        critical_sigma_w as critical_sigma_w,
    )
    from chainderiv.theory.fixed_points import FixedPoint as FixedPoint
    from chainderiv.theory.gains import Gains as Gains, gains as gains
    from chainderiv.theory.keeping import Keeping as Keeping, keeping as keeping
    from chainderiv.theory.mean_field import MeanField as MeanField, mean_field as mean_field
    from chainderiv.theory.one_neuron.random_chain import RandomChain as RandomChain, random_chain as random_chain
    from chainderiv.theory.phase import PhaseDiagram as PhaseDiagram, phase_diagram as phase_diagram
    from chainderiv.theory.residual_field import ResidualField as ResidualField
    from chainderiv.view.maps.animation import animate_sweep as animate_sweep
    from chainderiv.view.maps.cut import plot_cut as plot_cut
    from chainderiv.view.maps.link_map import plot_link_map as plot_link_map
    from chainderiv.view.maps.maps import plot_sweep as plot_sweep, plot_sweeps as plot_sweeps
    from chainderiv.view.maps.phase_map import plot_phase as plot_phase
    from chainderiv.view.maps.quantities import Quantity as Quantity, quantity_at as quantity_at
    from chainderiv.view.networks.curves import (
        plot_accuracy as plot_accuracy,
        plot_bars as plot_bars,
        plot_norms as plot_norms,
    )
    from chainderiv.view.networks.ladder import plot_diagnosis as plot_diagnosis
    from chainderiv.view.networks.prediction import plot_prediction as plot_prediction
    from chainderiv.view.picture import save_picture as save_picture


_PUBLIC = {
    "checking.audit": ["Audit", "AuditRow", "audit"],
    "checking.verification": ["Row", "Verification"],
    "checking.verify": ["verify"],
    "experiments.catalogue": ["REPRODUCTIONS", "reproduce"],
    "experiments.experiment": ["Experiment"],
    "experiments.nielsen5": ["EXPERIMENTS"],
    "experiments.passing": ["with_passing_layers"],
    "experiments.reproduction": ["Reproduction"],
    "experiments.runs": ["Source", "Training", "run_all"],
    "experiments.setup": ["Setup"],
    "functions.activation": ["Activation"],
    "functions.catalogue": ["ACTIVATIONS"],
    "functions.cost": ["COSTS", "Cost"],
    "functions.formula": ["parse_formula"],
    "functions.stable": ["Stable"],
    "logsign": ["LogSign"],
    "maps.axis": ["Axis"],
    "maps.cluster": ["cluster"],
    "maps.counted": ["Tally"],
    "maps.disk.storing": ["Estimate"],
    "maps.plan": ["Plan"],
    "maps.regime": ["Regime", "regime"],
    "maps.sweep": ["Sweep", "sweep"],
    "maps.tally": ["tally"],
    "models.layer_diagnosis": ["LayerDiagnosis"],
    "models.watch": ["watch"],
    "models.watching.record": ["WatchRecord", "WatchedLayer"],
    "models.watching.watching": ["Watch"],
    "nn.advice": ["Advice", "advise"],
    "nn.data.data": ["Data", "Split", "load_data"],
    "nn.initialise": ["INITIALISERS"],
    "nn.network": ["Forward", "Network"],
    "nn.prediction": ["Prediction", "predict"],
    "nn.starts": ["Gaussian"],
    "nn.training.kept_network": ["load_network"],
    "nn.training.schedules": ["SCHEDULES"],
    "nn.training.training": ["train"],
    "numeric.evaluate": ["condition", "evaluate"],
    "numeric.kernel": ["suitable_engine"],
    "pages.diagnosis": ["Diagnosis", "diagnose"],
    "records.record": ["TrainingRecord"],
    "records.statistics": ["against_the_one_before"],
    "symbolic.bounding.amplifying": ["Amplifying"],
    "symbolic.bounding.bounds": ["Bounds", "bounds"],
    "symbolic.bounding.certainty": ["Certainty"],
    "symbolic.bounding.widest": ["Widest"],
    "symbolic.chain": ["Chain", "Parameter"],
    "symbolic.comparison": ["Comparison", "compare"],
    "symbolic.derivation": ["Derivation"],
    "symbolic.derive": ["derive"],
    "symbolic.factor": ["Factor"],
    "symbolic.full_width.layer_expression": ["LayerParameter"],
    "symbolic.full_width.layers": ["LayerDerivation", "derive_layers"],
    "symbolic.second": ["SecondDerivation"],
    "symbolic.steps": ["Step"],
    "symbolic.term": ["Term"],
    "symbols": ["a", "erfcx", "normal_cdf", "y", "z"],
    "theory.critical": ["CriticalLine", "CriticalPoint", "critical_line", "critical_points", "critical_sigma_w"],
    "theory.fixed_points": ["FixedPoint"],
    "theory.gains": ["Gains", "gains"],
    "theory.keeping": ["Keeping", "keeping"],
    "theory.mean_field": ["MeanField", "mean_field"],
    "theory.residual_field": ["ResidualField"],
    "theory.one_neuron.random_chain": ["RandomChain", "random_chain"],
    "theory.phase": ["PhaseDiagram", "phase_diagram"],
    "view.maps.animation": ["animate_sweep"],
    "view.maps.cut": ["plot_cut"],
    "view.maps.link_map": ["plot_link_map"],
    "view.maps.maps": ["plot_sweep", "plot_sweeps"],
    "view.maps.phase_map": ["plot_phase"],
    "view.maps.quantities": ["Quantity", "quantity_at"],
    "view.networks.curves": ["plot_accuracy", "plot_bars", "plot_norms"],
    "view.networks.ladder": ["plot_diagnosis"],
    "view.networks.prediction": ["plot_prediction"],
    "view.picture": ["save_picture"],
}
_HOMES = {name: home for home, names in _PUBLIC.items() for name in names}
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
