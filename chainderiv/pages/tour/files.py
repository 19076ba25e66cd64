"""The content of every file of a tour."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from chainderiv.experiments.experiment import pictures_of
from chainderiv.kinds import Report
from chainderiv.pages.tour.figures import FIGURES
from chainderiv.pages.tour.findings import Findings
from chainderiv.pages.tour.page import NUMBERS, command, tour_page
from chainderiv.symbolic.notation.equations import write
from chainderiv.version import __version__
from chainderiv.writing import plain


def tour_files(found: Findings, report: Report) -> dict[str, bytes]:
    """Name -> content of formula.txt, formula.tex, results.json, every figure and index.html.

    The page comes last: where it is, all that it speaks of is.
    """
    pictures = pictures_of([(name, drawing, found) for name, drawing in FIGURES.items()], report)
    return {
        "formula.txt": formula_text(found).encode(),
        "formula.tex": formula_latex(found).encode(),
        NUMBERS: (json.dumps(results(found), indent=2, allow_nan=False) + "\n").encode(),
        **pictures,
        "index.html": tour_page(found, pictures).encode(),
    }


def formula_text(found: Findings) -> str:
    """The gradient, the layer equations and the steps of the derivation, in Unicode."""
    chain = found.derivation.chain
    equations = [f"{write(chain, left)} = {write(chain, right)}" for left, right in found.derivation.assignments]
    steps = [found.derivation.line(one) for one in found.derivation.steps]
    parts = ([str(found.derivation)], ["Layers:", *equations], ["Steps:", *steps])
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def formula_latex(found: Findings) -> str:
    """A LaTeX document with the gradient and the layer equations."""
    chain = found.derivation.chain
    sides = ([write(chain, side, "latex") for side in sides] for sides in found.derivation.assignments)
    lines = [f"{left} &= {right}" for left, right in sides]
    layers = " \\\\\n".join(lines)
    return (
        "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n"
        f"\\begin{{equation}}\n{found.derivation.to('latex')}\n\\end{{equation}}\n"
        f"where $a_0 = x$ and\n\\begin{{align*}}\n{layers}\n\\end{{align*}}\n\\end{{document}}\n"
    )


def results(found: Findings) -> dict[str, Any]:
    """Every number of the tour; what is not finite is null."""
    low, high = found.log10_range
    content = {
        "version": __version__,
        "command": command(found),
        "seed": found.seed,
        "formula": str(found.derivation),
        "map": {
            "axes": {name: asdict(axis) for name, axis in found.map.axes.items()},
            "fixed": dict(found.map.fixed),
            "log10_smallest": low,
            "log10_largest": high,
            "exactly_zero": int((found.map.sign == 0).sum()),
            "share": {
                "vanishing": float((found.map.regime == -1).mean()),
                "stable": float((found.map.regime == 0).mean()),
                "exploding": float((found.map.regime == 1).mean()),
                "below_quarter": float(found.map.below_quarter.mean()),
            },
        },
        "exploding_case": {
            "w": 100.0,
            "z": 0.0,
            "factors": [str(factor) for factor in found.derivation.factors],
            "values": [float(value.to_float()) for value in found.exploding],
            "links": [float(link.to_float()) for link in found.links],
            "running_products": [float(value.to_float()) for value in found.running_products],
        },
        "verification": {
            "passed": found.verification.passed,
            "judged": found.verification.judged,
            "worst_disagreement": found.worst_disagreement,
            "rows": [asdict(row) for row in found.verification.rows],
        },
        "training": {
            "settings": found.record.settings,
            "mean_bias_gradients_at_the_start": found.bars,
            "norms_l2": found.record.norms("l2"),
            "norms_l1": found.record.norms("l1"),
            "norm_ratio": found.record.ratio(),
            "accuracy": found.record.accuracy,
            "cost": found.record.cost,
        },
    }
    return dict(plain(content))
