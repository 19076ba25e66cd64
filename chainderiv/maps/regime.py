"""rate -> vanishing | stable | exploding."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike

from chainderiv.errors import BadValue
from chainderiv.given import floats, size
from chainderiv.kinds import Signs

LOG_QUARTER = float(np.log(0.25))  # of a link: the source's own bound on one that vanishes
BAND = 0.05  # natural logarithm per link: within it a gradient changes by less than about 5 % from layer to layer


class Regime(IntEnum):
    """What a gradient does on its way through the layers.

    >>> Regime(-1).name
    'VANISHING'
    """

    VANISHING = -1
    STABLE = 0
    EXPLODING = 1
    UNDEFINED = 2

    @classmethod
    def _missing_(cls, value: object) -> None:
        raise BadValue(f"regime is {value!r}; give one of {', '.join(f'{one.value} ({one.name})' for one in cls)}")


def regime(rate: ArrayLike, band: float = BAND) -> Signs:
    """VANISHING where rate < -band, EXPLODING where rate > band, STABLE between, UNDEFINED where it is NaN.

    rate : mean over the links of log|w_l φ'(z_l)|, natural, per link; -inf where a link is 0.
    band : finite, from 0 on. Raises BadValue for another, and for a rate of no numbers.

    >>> [Regime(r).name for r in regime([-1.4, 0.01, 3.2])]
    ['VANISHING', 'STABLE', 'EXPLODING']
    """
    rate, band = floats("rate", rate), size("band", band, zero=True)
    code = np.where(rate < -band, Regime.VANISHING, np.where(rate > band, Regime.EXPLODING, Regime.STABLE))
    return np.where(np.isnan(rate), Regime.UNDEFINED, code).astype(np.int8)
