"""How formulas are set: in a font with a table for mathematics, which the page itself holds."""

from __future__ import annotations

import base64
from functools import cache
from importlib.resources import files

FONT = "stix-two-math.woff2"  # its source and licence are in the .txt beside it


@cache
def face() -> str:
    """CSS. Without such a font a browser guesses where a subscript stands.

    >>> face().partition(";base64")[0]
    '@font-face { font-family: "STIX Two Math"; src: url(data:font/woff2'
    """
    content = base64.b64encode(files("chainderiv.pages").joinpath(FONT).read_bytes()).decode()
    return (
        f'@font-face {{ font-family: "STIX Two Math"; src: url(data:font/woff2;base64,{content}); }}\n'
        'math { font-family: "STIX Two Math", math; }\n'
    )
