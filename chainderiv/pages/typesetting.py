"""The last hand on a page's words: no line ends inside a number with its unit or a formula, and marks stand right.

Exponents are raised, indices are lowered, and a prime is no apostrophe.
"""

from __future__ import annotations

import re

from chainderiv.wording import from_raised

# markup, and what is set already
APART = re.compile(
    r"(<math.*?</math>|<code.*?</code>|<style.*?</style>|<script.*?</script>|<title.*?</title>|<[^>]+>)", re.DOTALL
)
HARD = "\u00a0"  # a space at which no line ends
UNITS = re.compile(r"(?<=\d) (?=%)| (?=[×→…·] )|(?<= [×→…·]) |(?<=\d) (?=: \d)|(?<=\d :) (?=\d)")
# x = 1, |w| < 1, w σ'(z), |∂C/∂b|, 64-30-10: between | and a hard space a line may end, so style keeps these whole
WHOLE = re.compile(r"\S+ (?:[=≤≥]|&[lg]t;) \S+|(?:(?<!\S)\w )?\S*(?:∂[A-Z]/∂|′\()\S*|\d+(?:-\d+)+|(?<!\S)\(?--[a-z-]+")
FLAG = re.compile(r"(?<!\S)--?[a-z][a-z-]*")  # of a command
WHOLE_SPAN = r'<span class="whole">\g<0></span>'
BREAK = re.compile(r"[ \t]*\n[ \t]*")
# σ_w, z_L, ‖W‖_F, √n_out: a name with a longer word before the stroke is a name
LOWERED = re.compile(r"(?:(?<!\w)(?:(σ)_([wb])|(∂?[a-zδ])_([lL])|(n)_(in|out))|(‖)_(F))(?!\w)")
PRIME = re.compile(r"(?<=\w)(?:'|&#39;)(?=\()")
RAISED = re.compile(r"(?<=10)[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")


def typeset(page: str) -> str:
    """HTML with its text set, its markup as it is.

    >>> print(typeset('<p title="10⁻³">near 10⁻⁴ where x = 0</p>'))
    <p title="10⁻³">near 10<sup>−4</sup> where <span class="whole">x = 0</span></p>
    """
    parts = APART.split(page)
    parts[::2] = map(_words, parts[::2])
    parts[1::2] = map(_command, parts[1::2])
    return "".join(parts)


def _words(text: str) -> str:
    if not text.strip():
        return text
    # a template's own lines end anywhere, within a formula as well
    text = UNITS.sub(HARD, BREAK.sub(" ", text).replace("&nbsp;", HARD))
    text = PRIME.sub("′", text)
    text = WHOLE.sub(WHOLE_SPAN, text)
    text = LOWERED.sub(lambda found: "{}<sub>{}</sub>".format(*filter(None, found.groups())), text)
    return RAISED.sub(lambda power: f"<sup>{from_raised(power[0])}</sup>", text)


def _command(part: str) -> str:
    return FLAG.sub(WHOLE_SPAN, part) if part.startswith("<code>") else part


def capital(text: str) -> str:
    """A sentence's first letter raised, and no other changed.

    >>> capital("z lies below ReLU's kink")
    "Z lies below ReLU's kink"
    """
    return f"{text[:1].upper()}{text[1:]}"
