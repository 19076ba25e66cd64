"""LANES numbers that a kernel holds in registers at once: a Numba type, and the few things that are done with it.

LLVM cuts each into what the processor has: two registers of 512 bits for float32, eight of 128 bits elsewhere. A loop
over an array's elements would leave that to the vectoriser, which must first prove, at every entry, that its arrays
do not overlap; rows of some 30 neurons are too short to pay for it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

LANES = 32
PREFETCH = "llvm.prefetch.p0i8"


class Lanes(types.Type):
    """The type of LANES numbers of one dtype."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Lanes) -> None:
        scalar = manager.lookup(kind.dtype).get_value_type()
        super().__init__(manager, kind, ir.VectorType(scalar, LANES))  # type: ignore[no-untyped-call]


def _pointer(context: Any, builder: Any, array_type: Any, array: Any, at: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    vector = context.get_value_type(Lanes(array_type.dtype))
    return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())


@intrinsic
def load(typing: Any, array: Any, at: Any) -> Any:
    """array[at : at + LANES] of a flat array."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], given[0], given[1])
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return Lanes(array.dtype)(array, types.intp), build


@intrinsic
def store(typing: Any, array: Any, at: Any, lanes: Any) -> Any:
    """array[at : at + LANES] = lanes."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], given[0], given[1])
        builder.store(given[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), build


@intrinsic
def spread(typing: Any, array: Any, number: Any) -> Any:
    """The number in every lane, in the dtype of the array."""
    dtype = array.dtype

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        vector = context.get_value_type(Lanes(dtype))
        unset, index = ir.Constant(vector, ir.Undefined), ir.IntType(32)
        first = builder.insert_element(unset, given[1], ir.Constant(index, 0))
        everywhere = ir.Constant(ir.VectorType(index, LANES), [0] * LANES)
        return builder.shuffle_vector(first, unset, everywhere)

    return Lanes(dtype)(array, dtype), build


@intrinsic
def plus(typing: Any, x: Any, y: Any) -> Any:
    """x + y."""
    return x(x, y), lambda context, builder, signature, given: builder.fadd(*given)


@intrinsic
def times(typing: Any, x: Any, y: Any) -> Any:
    """x y."""
    return x(x, y), lambda context, builder, signature, given: builder.fmul(*given)


@intrinsic
def plus_product(typing: Any, total: Any, x: Any, y: Any) -> Any:
    """total + x y, rounded once where the processor can."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        product = builder.fmul(given[1], given[2], flags=("contract",))
        return builder.fadd(given[0], product, flags=("contract",))

    return total(total, x, y), build


@intrinsic
def prefetch(typing: Any, array: Any, at: Any) -> Any:
    """Ask for the cache line of array[at] before it is read; no harm is done where there is none."""

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, given[0]).data
        anything, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        line = builder.bitcast(builder.gep(data, [given[1]]), anything)
        kind = ir.FunctionType(ir.VoidType(), [anything, flag, flag, flag])
        function = builder.module.globals.get(PREFETCH) or ir.Function(builder.module, kind, PREFETCH)
        # to be read, kept in every cache, data
        builder.call(function, [line, flag(0), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), build
