"""The pages as a site of several versions, for any static host: python docs/site.py FOLDER.

FOLDER/VERSION has the pages of the version that is checked out; those of others that are there stay.
FOLDER/versions.js lists them, which every page reads, and FOLDER/index.html leads to the newest.
It is all plain files: a folder on disk does as well.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from chainderiv.version import __version__

DOCS = Path(__file__).parent
INDEX = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>chainderiv</title>
<meta http-equiv="refresh" content="0; url={newest}/index.html"></head>
<body><a href="{newest}/index.html">chainderiv {newest}</a></body></html>
"""


def order(version):
    """A key by which versions are sorted: 0.10.0 comes after 0.9.1, and after 0.10.0rc1."""
    release = [int(part) for part in re.match(r"\d+(?:\.\d+)*", version)[0].split(".")]
    return release, not re.search(r"(a|b|rc|dev)\d*", version), version


def join(folder):
    """List the versions that are in the folder, newest first, and lead to the newest."""
    there = [one.parent.name for one in folder.glob("*/index.html") if one.parent.name[0].isdigit()]
    versions = sorted(there, key=order, reverse=True)
    (folder / "versions.js").write_text(f"window.versions = {json.dumps(versions)};\n", encoding="utf-8")
    (folder / "index.html").write_text(INDEX.format(newest=versions[0]), encoding="utf-8")


def main():
    """Build this version, and list them all."""
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("give the folder of the site: python docs/site.py FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as built:
        build = [
            sys.executable,
            "-m",
            "sphinx",
            "-j",
            "auto",
            "-W",
            "--keep-going",
            "-q",
            "-b",
            "html",
            "-d",
            f"{built}/doctrees",
        ]
        subprocess.run([*build, str(DOCS), f"{built}/html"], check=True)
        shutil.rmtree(folder / __version__, ignore_errors=True)
        Path(built, "html").rename(folder / __version__)
    join(folder)


if __name__ == "__main__":
    main()
