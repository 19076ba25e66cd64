"""Training runs for the tests of run_all; as a program, it takes them into a folder, to be killed in the middle.

python -m tests.experiments.runs_of FOLDER
"""

import sys
from pathlib import Path

from chainderiv.experiments.runs import Source, Training, run_all
from chainderiv.functions.activation import Activation
from chainderiv.nn.training import checkpoint

DIGITS = Source("digits", training_images=300, validation_images=100)
OWN = Activation.from_formula("z/(1+exp(-1.5*z))", "z/(1+exp(-1.5*z))")
SETTINGS = {"epochs": 4, "batch_size": 10, "learning_rate": 0.5, "weight_decay": 0.1}
DIVERGING = Training(
    (64, 12, 10),
    3,
    "relu",
    "quadratic",
    init="he",
    settings=SETTINGS | {"learning_rate": 1e8, "weight_decay": 0.0, "engine": "numpy"},
)
# of every engine, dtype, neuron and end
RUNS = [
    Training((64, 12, 10), settings=SETTINGS | {"engine": "numba"}),
    Training((64, 12, 10), 1, settings=SETTINGS | {"engine": "numpy"}),
    Training((64, 12, 12, 10), 2, "tanh", "log_likelihood", settings=SETTINGS | {"dtype": "float64"}),
    Training((64, 12, 12, 10), 2, "relu", "quadratic", init="he", residual=True, settings=SETTINGS | {"epochs": 2}),
    Training((64, 9, 10), 5, OWN, settings=SETTINGS | {"momentum": 0.5, "engine": "numba"}),
    DIVERGING,
]
# long enough to be killed in
LONG = [Training((64, 12, 10), seed, settings=SETTINGS | {"epochs": 400, "engine": "numba"}) for seed in range(2)]


def bits(records):
    """All that was measured, and of what."""
    told = []
    for record in records:
        arrays = [g for row in record.bias_gradients for g in row]
        arrays += [record.training_cost, record.cost, record.accuracy, record.steps, *record.layers.values()]
        told.append((record.settings, [a.tobytes() for a in arrays]))
    return told


if __name__ == "__main__":
    checkpoint.SECONDS = 0.02  # a run that is kept every second would be over before the first
    run_all(LONG, DIGITS, Path(sys.argv[1]), workers=2)
