"""What a reproduction of the published experiments was asked for, and what it found."""

from __future__ import annotations

from dataclasses import dataclass, replace

from chainderiv.experiments.all import Reproduction, Setup

# the experiments, each by the question it answers
QUESTIONS = {
    "bars": "How large is the gradient in each hidden neuron at the start?",
    "norms": "How fast does each hidden layer learn, at the start and later?",
    "accuracy": "Do deeper networks get worse?",
    "insertion": "Is it the depth itself that hurts?",
    "costs": "Does the cross-entropy cost save us?",
    "remedies": "Do other neurons solve it?",
    "ratios": "Where is the chain inside the network?",
}
# what an experiment is computed from
NEEDS = {"insertion": "accuracy", "costs": "norms", "ratios": "norms"}


@dataclass(frozen=True)
class Plan:
    """What to run.

    Parameters
    ----------
    setup : what the experiments share; its source says on which data.
    only : the experiments that are shown, of QUESTIONS; what they need is run as well.
    accuracy_depths : the numbers of hidden layers in `accuracy` and `insertion`.
    remedy_seeds, remedy_epochs : of `remedies`, which trains the most networks.
    quick : whether it is a short run on the small digits, which the page says.
    """

    setup: Setup
    only: tuple[str, ...] = tuple(QUESTIONS)
    accuracy_depths: tuple[int, ...] = (1, 2, 3, 4)
    remedy_seeds: int = 5
    remedy_epochs: int = 30
    quick: bool = False

    @property
    def runs(self) -> tuple[str, ...]:
        """The experiments to run, each after what it needs."""
        wanted = {*self.only, *(NEEDS[name] for name in self.only if name in NEEDS)}
        return tuple(name for name in QUESTIONS if name in wanted)

    def of(self, name: str) -> Setup:
        """The setup of one experiment."""
        if name in ("accuracy", "insertion"):
            return replace(self.setup, depths=self.accuracy_depths)
        if name == "remedies":
            return replace(self.setup, seeds=self.remedy_seeds, epochs=self.remedy_epochs)
        return self.setup


@dataclass(frozen=True, eq=False)
class Reproduced:
    """A plan, and what it found."""

    plan: Plan
    found: Reproduction

    @property
    def data(self) -> str:
        """The name of the data that were used."""
        return self.plan.setup.source.load().name

    @property
    def as_published(self) -> bool:
        """Whether the data are those of the published figures."""
        return self.data == "mnist"

    @property
    def stand_in(self) -> bool:
        """Whether other data took the place of those that were asked for."""
        return self.data != self.plan.setup.source.name

    def shows(self, name: str) -> bool:
        """Whether an experiment was asked for."""
        return name in self.plan.only
