"""Runs the comparisons whose packages are there, and keeps what they print: python docs/compared/record.py [NAME…].

tests/test_compared.py holds them to it.
"""

import contextlib
import datetime
import importlib.metadata
import importlib.util
import io
import runpy
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
PEERS = {
    "gradcheck": "torch",
    "norm": "torch",
    "jax_grad": "jax",
    "wide_kernel": "neural_tangents",
    "transformed": "dks",
    "perceptron": "symgrad4t",
}


def printed(name):
    """What a comparison prints."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        runpy.run_path(str(FOLDER / f"{name}.py"))
    return text.getvalue()


def is_there(name):
    """Whether the package that is compared is installed."""
    return importlib.util.find_spec(PEERS[name]) is not None


def main():
    """Writes NAME.txt beside those given, or all."""
    for name in sys.argv[1:] or PEERS:
        package = PEERS[name]
        if not is_there(name):
            print(f"{name}: {package} is not installed")
            continue
        version = importlib.metadata.version(package)
        text = f"# {package} {version}, {datetime.date.today()}\n{printed(name)}"
        (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")
        print(f"{name}: written")


if __name__ == "__main__":
    main()
