"""Letters and names as LaTeX takes them: Greek by its commands, words upright, and what it cannot set refused."""

from __future__ import annotations

import re
import unicodedata

from chainderiv.errors import BadValue

GREEK = {
    **{"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta", "η": "eta"},
    **{"θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho"},
    **{"ς": "varsigma", "σ": "sigma", "τ": "tau", "υ": "upsilon", "φ": "varphi", "χ": "chi", "ψ": "psi", "ω": "omega"},
    **{"Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Υ": "Upsilon"},
    **{"Φ": "Phi", "Ψ": "Psi", "Ω": "Omega", "ϕ": "phi", "ϵ": "epsilon", "ϑ": "vartheta"},
}
LETTERS = {name: letter for letter, name in GREEK.items()} | {"phi": "φ", "epsilon": "ε"}
_ESCAPED = frozenset("_&%$#{}")
_LEFT_OUT = frozenset("\\^~")
_FORMULA = frozenset("()*/+")


def commands(latex: str) -> str:
    r"""LaTeX with a command in the place of every Greek letter.

    >>> commands("β'"), commands(r"\operatorname{swish}_β")
    ("\\beta'", '\\operatorname{swish}_\\beta')
    """

    def command(found: re.Match[str]) -> str:
        after = latex[found.end() : found.end() + 1]
        # the blank ends a command where a letter follows
        return f"\\{GREEK[found[0]]}" + " " * (after.isascii() and after.isalpha())

    return re.sub(f"[{''.join(GREEK)}]", command, latex)


def word(name: str, letter: bool = False) -> str:
    r"""A name as LaTeX sets it upright, or a letter of mathematics if it is one; a formula is \varphi.

    Raises BadValue for a letter that LaTeX sets only with other fonts.

    >>> word("relu"), word("β"), word("z/(1+exp(-z))"), word("f", letter=True)
    ('\\operatorname{relu}', '\\beta', '\\varphi', 'f')
    """
    if set(name) & _FORMULA:
        return r"\varphi"
    if name in GREEK or (letter and len(name) == 1 and name.isascii() and name.isalpha()):
        return commands(name)
    kept = "".join(c for c in name if c not in _LEFT_OUT)
    foreign = [c for c in kept if not c.isascii() and c not in GREEK]
    if bad := [c for c in foreign if not _is_latin(c)]:
        raise BadValue(
            f"{name!r} holds {bad[0]!r}, which LaTeX sets only with other fonts; give Activation(…, latex=…), or take "
            "another target"
        )
    escaped = "".join(f"\\{c}" if c in _ESCAPED else c for c in kept)
    if not foreign:
        return rf"\operatorname{{{commands(escaped)}}}"
    upright = "".join(f"${commands(c)}$" if c in GREEK else c for c in escaped)
    return rf"\operatorname{{\text{{{upright}}}}}"


def _is_latin(character: str) -> bool:
    return character <= "ſ" and unicodedata.name(character, "").startswith("LATIN")
