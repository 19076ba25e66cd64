"""What is measured: maps, who makes them besides, and how much faster than each this package is to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from benchmarks.machine import AMD, INTEL
from benchmarks.maps import Answer, Map, Run, answer_of
from benchmarks.peers.c_maps import c_blocks, divisions
from benchmarks.peers.jax_maps import jax_closed, jax_forward, jax_reverse
from benchmarks.peers.numpy_plain import numpy_plain
from benchmarks.peers.ours import ours
from benchmarks.peers.torch_maps import torch_autograd, torch_closed
from benchmarks.turns import Contestant, Work


@dataclass(frozen=True)
class Asked:
    """How many times ours the peer's time is to be, at least ('least'); or at most; or ours the peer's, at most."""

    what: str
    intel: float
    amd: float
    sense: Literal["least", "most", "bound"] = "least"

    def on(self, kind: str) -> float | None:
        """The figure for a kind of processor, where there is one."""
        return {INTEL: self.intel, AMD: self.amd}.get(kind)

    def met(self, ratio: float, kind: str) -> bool | None:
        """Whether a ratio is what is asked; None where nothing is."""
        figure = self.on(kind)
        if figure is None:
            return None
        return ratio >= figure if self.sense == "least" else ratio <= figure


@dataclass(frozen=True)
class Line:
    """A peer and the map that it is given; judged : whether its answer is to be ours."""

    name: str
    peer: Callable[[Map], Run]
    map: Map
    asked: Asked | None = None
    judged: bool = True

    @property
    def contestant(self) -> Contestant:
        """For its process."""
        return Contestant(self.name, partial(_work, self.peer, self.map, self.judged), self.map.thin)


@dataclass(frozen=True)
class Table:
    """Lines that take turns; the first is ours."""

    what: str
    rounds: int
    lines: tuple[Line, ...]


def _work(peer: Callable[[Map], Run], map: Map, judged: bool) -> Work:
    run = peer(map)

    def told() -> Answer | None:
        found = run()
        return answer_of(found) if judged else None

    return Work(run, told)


LOGS, GRADIENT = "sign and log", "the gradient alone"
WRITTEN_OUT = "JAX, the product written out"


def tables(side: int, rounds: int) -> list[Table]:
    """All of them, of side × side points; where a run takes seconds there are fewer rounds, but never one."""
    few = max(2, rounds // 2)
    return [
        _shallow(Map(20, side=side), rounds),
        _hundred(Map(100, side=side), Map(10_000, side=side), rounds),
        _thousand(side, few),
        _ten_thousand(side, few),
        *(_other_neurons(Map(20, name, side), figure, rounds) for name, figure in (("tanh", 8), ("gelu", 4))),
        *_other_forms(side, few),
    ]


def _reverse(what: str, map: Map, intel: float, amd: float, **options: Any) -> tuple[Line, ...]:
    """JAX's grad over large pieces, as most would write it, and over blocks that fit a cache."""
    return tuple(
        Line(f"{what}, {how}", partial(jax_reverse, blocks=blocks, **options), map, Asked(f"{what}, {how}", intel, amd))
        for how, blocks in (("large", False), ("in blocks", True))
    )


def _shallow(map: Map, rounds: int) -> Table:
    alone: dict[str, Any] = {"slope": "plain", "answer": "gradient"}
    lines = (
        Line("chainderiv", ours, map),
        *_reverse(f"JAX grad, σ(z)σ(−z), {LOGS}", map, 8, 10),
        *_reverse(f"JAX grad, its own sigmoid, {GRADIENT}", map, 5, 6, **alone),
        Line(f"JAX forward mode, σ(z)σ(−z), {LOGS}", jax_forward, map),
        Line(f"JAX forward mode, its own sigmoid, {GRADIENT}", partial(jax_forward, **alone), map),
        Line(WRITTEN_OUT, jax_closed, map),
        Line("C, vectors over points, libmvec", c_blocks, map, Asked("C, vectors over points", 1, 1)),
        Line("torch, in place, all threads", torch_closed, map, Asked("torch, in place, all threads", 5, 5)),
        Line("torch autograd, all threads", torch_autograd, map, Asked("torch autograd, all threads", 5, 5)),
        Line("NumPy, σ(1 − σ)", numpy_plain, map),
    )
    return Table("sigmoid, depth 20", rounds, lines)


def _hundred(map: Map, deep: Map, rounds: int) -> Table:
    lines = (
        Line("chainderiv", ours, map),
        Line(
            "one vector division a layer", divisions, map, Asked("ours over one division", 2, 2, "bound"), judged=False
        ),
        Line("chainderiv at depth 10,000", ours, deep, Asked("depth 10,000 over 100", 1.5, 1.5, "most"), judged=False),
        Line("C, vectors over points, libmvec", c_blocks, map),
        Line(WRITTEN_OUT, jax_closed, map),
    )
    return Table("sigmoid, depth 100", rounds, lines)


def _thousand(side: int, rounds: int) -> Table:
    map, thin = Map(1000, side=side), Map(1000, side=side, thin=10)
    lines = (
        Line("chainderiv", ours, map),
        *_reverse(f"JAX grad by scan, its own sigmoid, {LOGS}", map, 100, 150, slope="plain"),
        Line(f"JAX forward mode, its own sigmoid, {LOGS}", partial(jax_forward, slope="plain"), thin),
        Line(WRITTEN_OUT, jax_closed, thin),
        Line("C, vectors over points, libmvec", c_blocks, map),
        Line("torch, in place, all threads", torch_closed, thin),
    )
    return Table("sigmoid, depth 1000", rounds, lines)


def _ten_thousand(side: int, rounds: int) -> Table:
    map, thin = Map(10_000, side=side), Map(10_000, side=side, thin=20)
    lines = (
        Line("chainderiv", ours, map),
        Line(f"JAX grad by scan, its own sigmoid, {LOGS}, in blocks", partial(jax_reverse, slope="plain"), thin),
        Line(WRITTEN_OUT, jax_closed, thin),
        Line("C, vectors over points, libmvec", c_blocks, Map(10_000, side=side, thin=5)),
    )
    return Table("sigmoid, depth 10,000", rounds, lines)


def _other_neurons(map: Map, figure: float, rounds: int) -> Table:
    lines = (
        Line("chainderiv", ours, map),
        *_reverse(f"JAX grad, {LOGS}", map, figure, figure),
        Line(f"JAX forward mode, {LOGS}", jax_forward, map),
    )
    return Table(f"{map.activation}, depth 20", rounds, lines)


def _other_forms(side: int, rounds: int) -> list[Table]:
    """Compiled forms beside the NumPy engine, which is given a tenth of the points."""
    forms = {
        "second derivative b1, w2, depth 20": partial(Map, wrt=("b1", "w2")),
        "per-layer weights w2 × b3, depth 20": partial(Map, axes=("w2", "b3"), held=(("w", 1.5), ("b", 0.5))),
        "residual chain, tanh, depth 20": partial(Map, activation="tanh", residual=True),
    }
    asked = Asked("our NumPy engine", 10, 10)
    return [
        Table(
            what,
            rounds,
            (
                Line("chainderiv", ours, form(20, side=side)),
                Line("chainderiv, engine numpy", partial(ours, engine="numpy"), form(20, side=side, thin=10), asked),
            ),
        )
        for what, form in forms.items()
    ]
