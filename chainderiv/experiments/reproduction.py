"""What a reproduction is: experiments for one page, and what the page and the command say of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chainderiv.errors import unknown_name
from chainderiv.experiments.experiment import Experiment
from chainderiv.experiments.setup import Setup
from chainderiv.given import several
from chainderiv.view.networks.lines import BAND_SAID

MANY = 20  # seeds, from which on the band is hardly narrower than that of endlessly many


@dataclass(frozen=True, eq=False)
class Reproduction:
    """Experiments that one page shows; REPRODUCTIONS holds them by name.

    Parameters
    ----------
    about : whose experiments, in a few words.
    title : of the page, by which its folder is known again.
    experiments : by name, in the order of the page; each stands behind what it needs.
    lead : setup → what the page begins with.
    setting : setup → how it was measured, in paragraphs.
    settings : setup → the same in numbers, for results.json.
    full, quick : what Setup takes for the whole, and for the quick form on the small digits.

    Examples
    --------
    >>> import chainderiv as cd
    >>> cd.REPRODUCTIONS["nielsen5"].about, list(cd.REPRODUCTIONS["nielsen5"].experiments)[:2]
    ('Nielsen (2015), chapter 5', ['bars', 'norms'])
    """

    about: str
    title: str
    experiments: Mapping[str, Experiment[Any]]
    lead: Callable[[Setup], str]
    setting: Callable[[Setup], Sequence[str]]
    settings: Callable[[Setup], Mapping[str, Any]]
    full: Mapping[str, Any]
    quick: Mapping[str, Any]


def chosen(experiments: Mapping[str, Experiment[Any]], names: Iterable[str] | None = None) -> tuple[str, ...]:
    """The experiments of these names in their own order, by default all; raises UnknownName, BadValue."""
    wanted = list(experiments) if names is None else several("only", names, str, "names of experiments")
    for name in wanted:
        if name not in experiments:
            raise unknown_name("experiment", name, experiments)
    return tuple(name for name in experiments if name in wanted)


def with_what_they_need(experiments: Mapping[str, Experiment[Any]], names: Iterable[str]) -> list[str]:
    """These experiments and those that they need, each behind what it needs."""
    wanted = set(names)
    for name in reversed(list(experiments)):
        if name in wanted:
            wanted.update(experiments[name].needs)
    return [name for name in experiments if name in wanted]


def data_said(setup: Setup) -> str:
    """The data that were used, and how many images."""
    data = setup.source.load()
    images = f"{len(data.train)} images to train on and {len(data.validation)} to validate"
    return f"Data: {setup.data_name}, {images}."


def band_said(setup: Setup) -> str:
    """Of how many seeds the bands are."""
    few = (
        f" With so few seeds the band of {BAND_SAID} reaches from nearly the least to nearly the greatest run and is "
        "narrower than it would be with many."
    )
    return f"{setup.seeds} seeds; the band is {BAND_SAID} of them.{few if setup.seeds < MANY else ''}"
