"""diagnose() as the public has it: what it gives can be written as a page."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from chainderiv.models import diagnosing, diagnosis

Parameters = ParamSpec("Parameters")


class Diagnosis(diagnosis.Diagnosis):  # noqa: D101  the same as below, and a page beside it
    __doc__ = diagnosis.Diagnosis.__doc__

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as a page (.html), or as the picture of the ladder alone (.png, .svg, .pdf).

        Raises BadValue for another ending, OutputError where the file cannot be written.
        """
        from chainderiv.pages.diagnosis_page import write_diagnosis

        write_diagnosis(self, path)


def _with_pages(found: Callable[Parameters, diagnosis.Diagnosis]) -> Callable[Parameters, Diagnosis]:
    @wraps(found)
    def diagnose(*arguments: Parameters.args, **named: Parameters.kwargs) -> Diagnosis:
        return Diagnosis(**vars(found(*arguments, **named)))

    return diagnose


diagnose = _with_pages(diagnosing.diagnose)
