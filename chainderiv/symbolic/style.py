"""Style: what is asked for beside the target, such as a product sign or another letter for w; and its check."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chainderiv.errors import BadValue, unknown_name
from chainderiv.given import is_finite, shown, truth

PAGE, NARROWEST = 345.0, 120.0  # pt: the lines of article at 10 pt, and less than what holds one link
FORMS_OF_A_PRODUCT = ("factors", "product", "elided")
NAMES = ("w", "b", "z", "a", "x", "y", "C", "phi", "delta", "L")
LONGEST_NAME = 40


@dataclass(frozen=True)
class Style:
    """How a derivation is set; its attributes are the keywords of Derivation.to, and names the symbols, checked."""

    form: str = "factors"
    spelled: bool = False
    where: bool = False
    width: float | None = PAGE
    symbols: Mapping[str, str] | None = None
    standalone: bool = False
    surviving: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.form, str) or self.form not in FORMS_OF_A_PRODUCT:
            raise unknown_name("form", self.form, FORMS_OF_A_PRODUCT)
        for name in ("spelled", "where", "standalone", "surviving"):
            truth(name, getattr(self, name))
        if self.width is not None and not (is_finite(self.width) and self.width >= NARROWEST):
            raise BadValue(f"width is {shown(self.width)}; give pt, {NARROWEST:g} or more, or None for one long line")
        _read_symbols(self.symbols)

    @property
    def names(self) -> dict[str, str]:
        """The names of one's own."""
        return _read_symbols(self.symbols)

    @property
    def asked(self) -> list[str]:
        """The names of what is not as it usually is."""
        return [name for name in self.__dataclass_fields__ if getattr(self, name) != getattr(PLAIN, name)]

    def require(self, target: str, known: tuple[str, ...]) -> None:
        """Raise BadValue where something is asked for that a target does not have."""
        if left := [name for name in self.asked if name not in known]:
            takes = f"it takes {', '.join(known)}" if known else "it takes none of these"
            raise BadValue(f"{left[0]} is given for the target {target!r}; {takes}")


def _read_symbols(given: Any) -> dict[str, str]:
    """The symbols given, checked; None is none."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise BadValue(f"symbols is {shown(given)}; give a dict such as {{'w': 'theta'}}")
    for name, text in given.items():
        if name not in NAMES:
            raise BadValue(f"symbols names {shown(name)}; give some of {', '.join(NAMES)}")
        whole = isinstance(text, str) and text.strip() and len(text) <= LONGEST_NAME and text.splitlines() == [text]
        if not whole or set(text) & set("$%#&~") or not _balanced(text):
            raise BadValue(f"symbols has {shown(text)} for {name}; give a letter, a word or its LaTeX, such as 'theta'")
    return {name: text.strip() for name, text in given.items()}


def _balanced(text: str) -> bool:
    open_ = 0
    for brace in re.sub(r"\\.", "", text):
        open_ += (brace == "{") - (brace == "}")
        if open_ < 0:
            return False
    return open_ == 0 and not text.endswith("\\")


PLAIN = Style()
