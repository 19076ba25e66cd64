"""What the names of arrays tell: which layer an array belongs to, what it is there, and the order of the layers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

WEIGHTS = frozenset({"weight", "weights", "kernel", "kernels", "w", "coef", "coefs", "matrix"})
BIASES = frozenset({"bias", "biases", "b", "intercept", "intercepts"})
INPUTS_FIRST = frozenset({"kernel", "kernels", "coef", "coefs"})  # Keras, Flax and scikit-learn keep (in, out)
BOOKKEEPING = frozenset({"num_batches_tracked", "epoch", "step", "iteration", "rng", "seed"})
_WORDS = re.compile(r"\d+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")


@dataclass(frozen=True)
class Key:
    """An array's name, read. role: "weight", "bias" or "" where no word tells; stem: the words and numbers left."""

    text: str
    role: str
    stem: tuple[str, ...]
    inputs_first: bool = False

    @property
    def layer(self) -> str:
        """What the layer is called by."""
        if "vars" in self.stem and not self.role:
            return self.text.rpartition("/vars/")[0] or self.text
        words = [word for word in self.stem if not word.isdigit()]
        return _without_role(self.text) if words else self.text


def key(text: str) -> Key:
    """A name, read: the last word for a weight or a bias is its role.

    >>> key("layers.10.weight").stem, key("W1").role, key("dense_1/bias:0").layer
    (('layers', '10'), 'weight', 'dense_1')
    """
    words = _WORDS.findall(text.removesuffix(":0"))
    for place in reversed(range(len(words))):
        word = words[place].lower()
        if word in WEIGHTS or word in BIASES:
            stem = tuple(words[:place] + words[place + 1 :])
            return Key(text, "weight" if word in WEIGHTS else "bias", stem, word in INPUTS_FIRST)
    # Keras' own files of weights say vars/0, vars/1, and no more
    return Key(text, "", tuple(words), "vars" in words)


def _without_role(text: str) -> str:
    spans = [m for m in _WORDS.finditer(text.removesuffix(":0")) if m[0].lower() in WEIGHTS | BIASES]
    last = spans[-1] if spans else None
    left = text if last is None else text[: last.start()] + text.removesuffix(":0")[last.end() :]
    return left.strip(" ._/:") or text


def is_bookkeeping(text: str) -> bool:
    """Whether an array of that name is kept beside the weights and no part of the network."""
    return re.split(r"[./]", text)[-1].lower() in BOOKKEEPING


def in_order(stems: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Stems in the order of the layers: numbers by size, words as they come.

    >>> in_order([("layers", "10"), ("layers", "9"), ("head",)])
    [('layers', '9'), ('layers', '10'), ('head',)]
    >>> in_order([("dense", "1", "dense", "1"), ("dense", "dense")])
    [('dense', 'dense'), ('dense', '1', 'dense', '1')]
    >>> in_order([("features", "0"), ("classifier", "0"), ("features", "2")])
    [('features', '0'), ('features', '2'), ('classifier', '0')]
    """
    given = {stem: _steps(stem) for stem in dict.fromkeys(stems)}
    first: dict[tuple[Any, ...], int] = {}
    for place, steps in enumerate(given.values()):
        for length, (word, _) in enumerate(steps):
            first.setdefault((steps[:length], word), place)

    def rank(stem: tuple[str, ...]) -> list[tuple[int, int]]:
        steps = given[stem]
        return [(first[steps[:length], word], number) for length, (word, number) in enumerate(steps)]

    return sorted(given, key=rank)


def _steps(stem: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    """Words, each with the number behind it; dense comes before dense_1, as if it had the number -1."""
    steps: list[tuple[str, int]] = []
    for word in stem:
        if not word.isdecimal():
            steps.append((word, -1))
        elif steps and steps[-1][1] < 0:
            steps[-1] = (steps[-1][0], int(word))
        else:
            steps.append(("", int(word)))
    return tuple(steps)
