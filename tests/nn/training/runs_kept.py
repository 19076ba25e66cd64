"""Training runs that are kept, killed and resumed, and the comparison that they are held to (test_resume)."""

import json

import numpy as np

from chainderiv.nn.data.data import Data, Split
from chainderiv.nn.network import Network
from chainderiv.nn.training.training import train

SIZES = [6, 5, 4, 3]
# everything that has a state: velocities, the shuffles, a rate that depends on the epoch, rows within epochs
SETTINGS = {
    **{"batch_size": 7, "learning_rate": 0.5, "weight_decay": 0.6, "momentum": 0.5, "clip": 0.3, "rng": 11},
    **{"schedule": "cosine", "measure_steps": 4, "measure_epochs": 2},
}
# without momentum or clip the compiled engine takes another way, whose state is a scale as well
PLAIN = SETTINGS | {"momentum": 0.0, "clip": None, "weight_decay": 20.0}


class Killed(BaseException):
    """What stands for a kill where no process dies."""


def small_data():
    """60 + 20 + 20 images of 6 pixels in 3 classes that a small network can learn."""
    rng = np.random.default_rng(5)

    def part(count):
        labels = rng.integers(3, size=count)
        images = rng.uniform(0, 0.5, size=(count, 6)) + 0.5 * (np.arange(6) // 2 == labels[:, None])
        return Split(images.astype(np.float32), labels)

    return Data("tiny", part(60), part(20), part(20), classes=3)


def run(epochs, **changes):
    """A network and its record, trained for some epochs."""
    net = Network(SIZES, rng=2)
    return net, train(net, small_data(), epochs, **(SETTINGS | changes))


def fingerprint(net, record):
    """Every bit of the weights and of the record's rows and gradients, as text."""
    arrays = [*net.weights, *net.biases, *(g for row in record.bias_gradients for g in row)]
    return json.dumps([record.rows(), [a.tobytes().hex() for a in arrays]])


def killed_after(epochs, folder, whole, **changes):
    """Leave in a folder what a run of `whole` epochs holds there when it is killed behind an epoch."""

    def kill(record):
        if record.epochs >= epochs:
            raise Killed

    try:
        run(whole, folder=folder, on_epoch=kill, **changes)
    except Killed:
        return
    raise AssertionError("the run ended before it was killed")
