"""Names of one's own for w, b, z, a, x, y, C, φ and L, as each form writes them."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import replace

from chainderiv.errors import BadValue
from chainderiv.symbolic.notation.forms import Form
from chainderiv.symbolic.notation.letters import GREEK, LETTERS, commands

TOGETHER = ("w", "b", "z", "a", "delta"), ("l", "x", "y", "C", "L")  # with an index and without: no two may look alike


def with_symbols(form: Form, symbols: Mapping[str, str], layers: Mapping[str, str], tied: bool) -> Form:
    """A form that writes names by other symbols, and layers by other indices; one activation by phi's, if tied.

    Raises BadValue for LaTeX in a form that is not LaTeX, and where two quantities would have one name.
    """
    if not symbols:
        return form
    own = {name: _symbol(text, name, form) for name, text in symbols.items()}
    _require_apart(symbols, own)

    def marked(name: str, above: str, below: str) -> str:
        return form.marked(own.get(name, name), above, layers.get(below, below))

    made = replace(form, letter=lambda name: form.letter(own.get(name, name)), marked=marked)
    if "C" in own:
        made = replace(made, second=form.second.replace("C", own["C"]))
    return replace(made, neuron=lambda _: form.letter(own["phi"])) if tied and "phi" in own else made


def _require_apart(symbols: Mapping[str, str], own: Mapping[str, str]) -> None:
    for names in TOGETHER:
        seen = dict[str, str]()
        for name in names:
            # δ and L are printed where they are asked for
            printed = own.get(name, "" if name in ("delta", "L") else name)
            if printed and (other := seen.setdefault(printed, name)) != name:
                text = symbols.get(name, symbols.get(other))
                raise BadValue(f"symbols has {text!r} for both {other} and {name}; give each a name of its own")


def layer_names(symbols: Mapping[str, str], form: Form, depth: int, first: int) -> dict[str, str]:
    """'L' for the depth, if it has a symbol, and 'L-1' for the layer before, where that is behind the first link's."""
    if "L" not in symbols:
        return {}
    last = _symbol(symbols["L"], "L", form)
    return {str(depth): last} | ({str(depth - 1): f"{last}-1"} if depth - 1 > first else {})


def _symbol(text: str, name: str, form: Form) -> str:
    """A symbol as a form writes it."""
    bare = text.removeprefix("\\")
    letter = bare if bare in GREEK else LETTERS.get(bare)
    if form.markup == "latex":
        return _in_latex(text) if letter is None else f"\\{bare if bare in LETTERS else GREEK[letter]}"
    if letter is not None:
        return GREEK[letter] if form.partial("") == "d" else letter
    if set(text) & set("\\{}"):
        raise BadValue(f"symbols has {text!r} for {name}, which is LaTeX; give a letter or a word for this target")
    return html.escape(text) if form.markup == "mathml" else text


def _in_latex(text: str) -> str:
    made = commands(text)
    if "_" in made or "^" in made:
        return f"{{{made}}}"  # an index of ours follows
    return rf"\mathit{{{made}}}" if len(made) > 1 and made.isalpha() else made
