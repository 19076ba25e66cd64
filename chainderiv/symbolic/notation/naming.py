"""How an activation is called in each written form: its letter or its name, with nothing in it that is markup there."""

from __future__ import annotations

import html
from collections.abc import Callable

from chainderiv.functions.activation import Activation


def _word(name: str) -> str:
    """A name as it is; phi where it is a formula."""
    return "phi" if set(name) & set("()*/+") else name


def _latex(activation: Activation) -> str:
    escaped = "".join(rf"\{c}" if c in "_&%$#{}" else c for c in activation.name if c not in "\\^~")
    return activation.latex or rf"\operatorname{{{escaped}}}"


NAMES: dict[str, Callable[[Activation], str]] = {
    "unicode": lambda activation: _word(activation.symbol or activation.name),
    "text": lambda activation: _word(activation.name),
    "latex": _latex,
    # a name with markup in it would become markup
    "mathml": lambda activation: html.escape(activation.symbol or activation.name),
}
