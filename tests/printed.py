"""Two prints of one program are alike: words exactly, numbers to a relative tolerance (test_compared)."""

import re

import pytest

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e-?\d+)?")


def alike(printed, kept, rel=1e-5):
    """Whether all words are the same, and each number is within that share of the one that is kept."""
    numbers, kept_numbers = ([float(one) for one in NUMBER.findall(text)] for text in (printed, kept))
    return NUMBER.sub("#", printed) == NUMBER.sub("#", kept) and numbers == pytest.approx(kept_numbers, rel=rel, abs=0)
