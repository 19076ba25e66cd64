"""chainderiv phase: where random layers vanish and explode, which σ_w is critical, and the theory at single points."""

from __future__ import annotations

import argparse
from typing import Any

from chainderiv.commands import common, map_output, pages
from chainderiv.errors import BadValue, unknown_name
from chainderiv.functions.activation import Activation
from chainderiv.maps.axis import Axis
from chainderiv.shown import Shown
from chainderiv.theory.critical import CriticalPoint, critical_points, known_critical_points
from chainderiv.theory.mean_field import MeanField, mean_field
from chainderiv.theory.phase import PhaseDiagram, phase_diagram

WEIGHTS, BIASES = "0.5:4:200", "0:2:200"
FORM = "give an axis start:stop:count, such as {}"
AT = "sigma_w=1.5,sigma_b=0.2"
FEW = 5  # rows of a table that stands for a whole axis
QUANTITIES = ("chi_1", "chi_q", "q_star", "c_star", "xi_q", "xi_c")
Critical = dict[float, tuple[CriticalPoint, ...] | None]  # None where float64 does not hold them
NUMBERS = (*QUANTITIES, "chi_c", "kappa", "phase", "half_life", "case", "errors")


def declare(parser: argparse.ArgumentParser) -> None:
    """State the options; what is read from --sigma-w is no sigma_w yet, and has another name."""
    parser.epilog = (
        "example: chainderiv phase --activation tanh --sigma-w 0.5:4:200 --sigma-b 0:2:200 --out phase.png\n"
        f"         chainderiv phase --activation tanh --at {AT}\n\n"
        "sigma_w is the standard deviation of weights times the square root of fan-in, sigma_b that of biases"
    )
    add = parser.add_argument
    add("--activation", action="append", metavar="NAME", help="tanh, gelu, …, or a formula in z (default tanh)")
    add("--sigma-w", dest="weights", metavar="AXIS", help=f"start:stop:count (:log) (default {WEIGHTS})")
    add("--sigma-b", dest="biases", metavar="AXIS", help=f"likewise, or a number: no map (default {BIASES})")
    add("--at", action="append", metavar=AT, help="the theory at one point, with errors; may be repeated")
    add("--quantity", default="chi_1", help=f"what is drawn: {', '.join(QUANTITIES)} (default chi_1)")
    add("--out", metavar="FILE", help="a picture (.png, .svg, .pdf), or a page that reads out its cells (.html)")
    map_output.declare_look(parser)
    pages.open_option(parser)
    common.json_option(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Read, compute, then draw and print."""
    common.require_one_activation(options)
    phi = common.stated_neuron((options.activation or ["tanh"])[0])
    look, size, dpi = map_output.look_of_a_picture(options)
    points = [_point(text) for text in options.at or ()]
    weights, biases = _axes(options)
    _check_picture(options, biases)
    fields = [mean_field(phi, point["sigma_w"], point.get("sigma_b", 0.0)) for point in points]
    asked = not points or any(given is not None for given in (options.weights, options.biases, options.out))
    diagram = phase_diagram(phi, weights, biases) if asked and isinstance(biases, Axis) else None
    rows = _asked_biases(biases, options.json) if asked else []
    # one that is asked alone is told why it is not known
    critical = {b: known_critical_points(phi, b) if len(rows) > 1 else critical_points(phi, b) for b in rows}
    if diagram is not None and options.out is not None:
        _draw(diagram, options, look, size, dpi)
    if options.json:
        common.say_json(_as_dict(phi, diagram, critical, fields, options.out))
    else:
        _print(phi, diagram, critical, fields, options.out)
    pages.open_if_asked(options, options.out)
    return 0


def _print(
    phi: Activation, diagram: PhaseDiagram | None, critical: Critical, fields: list[MeanField], out: str | None
) -> None:
    parts = [*([] if diagram is None else [diagram._shown()]), *([_table(phi, critical)] if critical else [])]
    for k, shown in enumerate([*parts, *(field._shown() for field in fields)]):
        if k:
            common.say()
        common.show(shown)
    if out is not None:
        common.say(f"written: {out}")


def _point(text: str) -> dict[str, float]:
    given = common.named_values("at", text, "sigma_w and sigma_b", AT)
    if not {"sigma_w"} <= given.keys() <= {"sigma_w", "sigma_b"}:
        raise BadValue(f"--at is {text!r}; give sigma_w, and sigma_b if it is not 0, such as {AT}")
    point = {name: common.number(f"at {text}: {name}", value) for name, value in given.items()}
    if point["sigma_w"] <= 0 or point.get("sigma_b", 0) < 0:
        raise BadValue(f"--at is {text!r}; give sigma_w > 0 and sigma_b >= 0")
    return point


def _axes(options: argparse.Namespace) -> tuple[Axis, Axis | float]:
    """The axes; of --sigma-b a number may be given."""
    weights = _axis("sigma-w", WEIGHTS if options.weights is None else options.weights, WEIGHTS)
    text = BIASES if options.biases is None else options.biases
    biases = _axis("sigma-b", text, BIASES) if ":" in text else common.number("sigma-b", text)
    if weights.start <= 0:
        raise BadValue(f"--sigma-w is {options.weights!r}; give an axis that starts above 0, such as {WEIGHTS}")
    if (biases.start if isinstance(biases, Axis) else biases) < 0:
        raise BadValue(f"--sigma-b is {options.biases!r}; give an axis, or a number, from 0 on, such as {BIASES}")
    return weights, biases


def _axis(flag: str, text: str, such: str) -> Axis:
    try:
        return Axis.parse(text)
    except BadValue as e:
        raise BadValue(f"--{flag} {text}: {e}" if ":" in text else f"--{flag} is {text!r}; {FORM.format(such)}") from e


def _check_picture(options: argparse.Namespace, biases: Axis | float) -> None:
    """Refuse, before the work is done, what would be refused after it."""
    if options.quantity not in QUANTITIES:
        raise unknown_name("quantity", options.quantity, QUANTITIES)
    pages.require_page_to_open(options)
    if options.out is None:
        return
    map_output.refuse_dark_page(options)
    if not isinstance(biases, Axis):
        raise BadValue(f"--sigma-b is {options.biases!r}, and a map takes an axis; give one, such as {BIASES}")
    map_output.require_picture_or_page(options.out)


def _asked_biases(biases: Axis | float, every: bool) -> list[float]:
    """The σ_b whose critical σ_w is told: of an axis all, or a few that stand for it."""
    if not isinstance(biases, Axis):
        return [biases]
    values = biases.values.tolist()
    last = len(values) - 1
    return values if every else [values[k] for k in sorted({round(last * k / (FEW - 1)) for k in range(FEW)})]


def _draw(diagram: PhaseDiagram, options: argparse.Namespace, look: dict[str, Any], size: Any, dpi: Any) -> None:
    if pages.is_page(options.out):
        from chainderiv.pages.phase_page import save_phase_page

        save_phase_page(diagram, options.out, options.quantity, dpi, options.typed, size=size, **look)
        return
    from chainderiv.view.maps.phase_map import plot_phase
    from chainderiv.view.picture import save_picture
    from chainderiv.view.theme import SIZE, lone_axes

    ax = lone_axes(size or SIZE, options.dark)
    save_picture(plot_phase(diagram, ax, options.quantity, options.dark, **look), options.out, dpi)


def _table(phi: Activation, critical: Critical) -> Shown:
    """Every critical σ_w of each σ_b."""
    rows = []
    for b, points in critical.items():
        for p in points or ():
            numbers = f"{p.sigma_w:.12g}", f"{p.error:.1e}", f"{p.q_star:.6g}", f"{p.chi_q:.6g}"
            rows.append((f"{b:.6g}", *numbers, "yes" if p.stable else "no"))
        if not points:
            rows.append((f"{b:.6g}", "none" if points is not None else "not known", "", "", "", ""))
    header = ("sigma_b", "critical sigma_w", "error", "q_star", "chi_q", "stable")
    return Shown([f"chi_1 = 1 of {phi.name}:"], header, rows)


def _as_dict(
    phi: Activation,
    diagram: PhaseDiagram | None,
    critical: Critical,
    fields: list[MeanField],
    file: str | None,
) -> dict[str, Any]:
    from chainderiv.functions.described import text_of

    axes = {} if diagram is None else {n: [a.start, a.stop, a.count, a.scale] for n, a in diagram.axes.items()}
    shares = {} if diagram is None else diagram.shares
    kinds = ("sigma_w", "sigma_b", "q_star", "chi_q", "stable", "error")
    return {
        "activation": phi.name,
        "formula": text_of(phi.formula),
        "axes": axes,
        "shares": shares,
        "critical": [{kind: getattr(p, kind) for kind in kinds} for points in critical.values() for p in points or ()],
        "at": [_of_point(field) for field in fields],
        "file": file,
    }


def _of_point(field: MeanField) -> dict[str, Any]:
    points = [{n: getattr(p, n) for n in ("q_star", "stable", "chi_q", "chi_1")} for p in field.fixed_points]
    numbers = {name: getattr(field, name) for name in NUMBERS}
    return {"sigma_w": field.sigma_w, "sigma_b": field.sigma_b, "fixed_points": points, **numbers}
