"""RULES: every operator that is followed, by ONNX's name. A new one is a rule in the file of its family."""

from __future__ import annotations

from chainderiv.models.operators.arithmetic import ARITHMETIC
from chainderiv.models.operators.attention import ATTENTION
from chainderiv.models.operators.convolution import CONVOLUTIONS
from chainderiv.models.operators.einsum import EINSUM
from chainderiv.models.operators.indexing import INDEXING
from chainderiv.models.operators.linear import LINEAR
from chainderiv.models.operators.normalisation import NORMALISATIONS
from chainderiv.models.operators.pooling import POOLINGS
from chainderiv.models.operators.reductions import REDUCTIONS
from chainderiv.models.operators.resizing import RESIZING
from chainderiv.models.operators.rule import Rule
from chainderiv.models.operators.sampling import SAMPLING
from chainderiv.models.operators.scattering import SCATTERING
from chainderiv.models.operators.shapes import SHAPES
from chainderiv.models.operators.slopes import NEURONS
from chainderiv.models.operators.softmax import SOFTMAX

RULES: dict[str, Rule] = {
    **ARITHMETIC,
    **NEURONS,
    **LINEAR,
    **CONVOLUTIONS,
    **EINSUM,
    **NORMALISATIONS,
    **POOLINGS,
    **RESIZING,
    **REDUCTIONS,
    **SHAPES,
    **INDEXING,
    **SOFTMAX,
    **ATTENTION,
    **SAMPLING,
    **SCATTERING,
}
