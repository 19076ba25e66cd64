"""Exits with 1 where a page below a folder asks the network for what it shows: python .ci/offline.py FOLDER."""

import re
import sys
from pathlib import Path

# links that a reader may follow are no request; scripts, styles, pictures, fonts and frames are
REQUEST = re.compile(
    r"""<(?:script|img|iframe|source|video|audio|embed)\b[^>]*\bsrc=["']?(?:https?:)?//[^"'\s>]+"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preload|icon|modulepreload))[^>]*\bhref=["']?(?:https?:)?//[^"'\s>]+"""
    r"""|(?:url\(|@import\s+)["']?(?:https?:)?//[^"'\s)]+"""
)


def requests(folder):
    """Each page or style with what it asks for."""
    files = (one for one in sorted(folder.rglob("*")) if one.suffix in (".html", ".css"))
    return [(one, found[0]) for one in files for found in REQUEST.finditer(one.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    pages = list(Path(sys.argv[1]).rglob("*.html"))
    found = requests(Path(sys.argv[1]))
    for path, text in found:
        print(f"{path}: {text}")
    sys.exit(1 if found or not pages else 0)
