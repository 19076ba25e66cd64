"""Why deep networks do not train: what is found is what was measured, and the sentences say what the numbers say."""

import math
from dataclasses import replace

import numpy as np
import pytest

from chainderiv.experiments.plateau import DECAYS, EXPERIMENT, Plateau
from chainderiv.experiments.runs import Source, Training
from chainderiv.experiments.setup import Setup
from chainderiv.nn.training.training import train

SETUP = Setup(Source("digits"), seeds=3, remedy_seeds=2, deepest=(1, 3), epochs=2)
GUESS, TRAINED = [0.1] * 4, [0.1, 0.1, 0.5, 0.9]


@pytest.fixture(scope="module")
def found():
    return EXPERIMENT.run(SETUP)


@pytest.fixture(scope="module")
def digits():
    return SETUP.source.load()


def of(runs, depths=(5, 6), gradients=None):
    """What would be found of these accuracies: by λ, per depth, the runs."""
    by_epoch = {decay: tuple(np.array(each, float) for each in depth) for decay, depth in runs.items()}
    gradients = gradients or {decay: tuple(np.full_like(each, 1e-5) for each in e) for decay, e in by_epoch.items()}
    return Plateau(depths, by_epoch, gradients, steps=5000, classes=10, decay=0.1 / 50_000, xi_c=0.3154)


def told(found):
    return EXPERIMENT.reading(found, SETUP)


def test_each_run_is_a_network_trained_with_its_decay_per_50_000_images(found, digits):
    for decay in (0.0, 5.0):
        net = Training((64, 30, 30, 30, 10), 1).network()
        share = decay * len(digits.train) / 50_000
        record = train(
            net, digits, epochs=2, batch_size=10, learning_rate=0.1, weight_decay=share, rng=1, engine="numpy"
        )
        np.testing.assert_allclose(found.by_epoch[decay][1][1], record.accuracy, rtol=1e-12)
        np.testing.assert_allclose(found.gradients[decay][1][1], record.norms("l2")[:, 0], rtol=1e-3)  # float32


def test_the_networks_of_every_decay_start_the_same_and_part_later(found):
    first, last = found.gradients[DECAYS[0]][1], found.gradients[DECAYS[-1]][1]
    assert (first[:, 0] == last[:, 0]).all()
    assert (first[:, 1:] != last[:, 1:]).all()


def test_a_network_guesses_until_its_accuracy_stays_above_twice_chance():
    runs = [[0.1, 0.5, 0.1, 0.9], [0.1, 0.2, 0.3, 0.4], [0.1, 0.1, 0.1, 0.2], [0.9] * 4, [0.1, 0.9, np.nan, np.nan]]
    assert of({0.0: [runs]}, (6,)).left(0.0)[0].tolist() == [3, 2, math.inf, 0, math.inf]


def test_what_decay_leaves_of_a_weight_is_the_product_of_its_steps():
    weight = 1.0
    for _ in range(2 * 5000):
        weight *= 1 - 0.1 * 2.5 / 50_000
    assert of({0.0: [[GUESS]]}, (6,)).kept(2.5, 2) == pytest.approx(weight, rel=1e-10)


def test_decay_is_said_to_keep_networks_on_the_plateau_where_it_does_and_nowhere_else():
    norms = {0.0: (np.full((2, 4), 4e-5),) * 2, 5.0: (np.full((2, 4), 3e-8),) * 2}
    split = of({0.0: [[TRAINED] * 2, [TRAINED] * 2], 5.0: [[TRAINED] * 2, [GUESS] * 2]}, gradients=norms)
    waiting, cause = told(split)[1], told(split)[2]
    assert waiting.startswith("6 hidden layers: at λ = 0 all runs leave the plateau, after a median of 10,000 steps")
    assert waiting.endswith("at λ = 5 none of 2 runs leaves the plateau.")
    # the last epoch on the plateau is the first: (1 - ηλ/n)^5000
    assert "with 6 hidden layers" in cause
    assert "4 · 10⁻⁵" in cause
    assert "3 · 10⁻⁸" in cause
    assert "down to 0.95 of" in cause
    other = of({0.0: [[TRAINED] * 2, [GUESS] * 2], 5.0: [[TRAINED] * 2, [TRAINED] * 2]})
    assert told(other)[2] == "At none of these depths does a larger λ keep more runs on the plateau."


def test_the_rule_of_six_correlation_lengths_is_refuted_by_deeper_networks_that_all_train_and_by_no_others():
    deep = of({0.0: [[TRAINED] * 2, [TRAINED, GUESS]]})
    assert "1.9 layers" in told(deep)[-1]
    assert "All runs of 5 hidden layers leave" in told(deep)[-1]
    assert "here that refutes the rule" in told(deep)[-1]
    shallow = replace(of({0.0: [[TRAINED] * 2, [GUESS] * 2]}, (1, 2)))
    assert "here that does not refute the rule" in told(shallow)[-1]
    assert not any("rule" in sentence for sentence in told(of({0.0: [[GUESS] * 2, [GUESS] * 2]})))


def test_tables_hold_the_medians_of_all_runs_and_how_many_leave():
    found = of({0.0: [[TRAINED] * 2, [TRAINED, GUESS]], 5.0: [[TRAINED] * 2, [GUESS] * 2]})
    left, reached = EXPERIMENT.section(found)
    assert [tuple(row) for row in left.rows] == [
        ("5", "10,000 (2 of 2)", "10,000 (2 of 2)"),
        ("6", "more than 15,000 (1 of 2)", "more than 15,000 (0 of 2)"),
    ]
    assert [row[1] for row in reached.rows] == ["90.00", "50.00"]


@pytest.mark.parametrize("dark", [False, True])
def test_the_figures_hold_a_line_for_each_run(found, dark):
    figure = EXPERIMENT.figures["plateau"].figure(found, dark)
    above, below = figure.axes[:2], figure.axes[2:]
    runs = len(DECAYS) * SETUP.remedy_seeds
    assert [len(ax.lines) for ax in above] == [runs + 1] * 2  # and chance
    assert [len(ax.lines) for ax in below] == [runs] * 2
    drawn = np.array([line.get_ydata() for line in below[1].lines[:2]])
    assert (drawn == found.gradients[DECAYS[0]][1]).all()


@pytest.mark.slow
def test_on_the_real_mnist_six_hidden_layers_train_without_decay_and_do_not_with_it(mnist):
    setup = Setup(Source("mnist", training_images=len(mnist.train)), seeds=2, deepest=(6,), epochs=30)
    found = EXPERIMENT.run(setup)
    assert found.trains(0.0)[0] > found.trains(5.0)[0] == 0
