"""Functions that LLVM may compute in the widest registers that the processor has, and a loop that keeps them busy.

LLVM holds back on its own: for most Intel processors it prefers 256 bits of 512, which early ones paid for with a
lower clock. And of a loop whose body is one long chain of dependent steps it computes one register's worth after
another, where the processor could do several at a time and looks not far enough ahead to find them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering
from numba.extending import intrinsic

from chainderiv.compiling.jit import PartLowering, njit, pipeline

WIDEST = '"prefer-vector-width"="512"'  # no more than the processor has


class _Lower(Lower):
    """Numba's own, of a function that bears the attribute."""

    def setup_function(self, fndesc: Any) -> None:
        super().setup_function(fndesc)  # type: ignore[no-untyped-call]
        set.add(self.function.attributes, WIDEST)  # llvmlite's own add knows only attributes without a value
        self.function.attributes.add("noinline")  # or a loop of hundreds of instructions would stand wherever it is run


@register_pass(mutates_CFG=True, analysis_only=False)  # type: ignore[no-untyped-call]
class _Lowering(NativeLowering):
    _name = "wide_native_lowering"

    @property
    def lowering_class(self) -> Any:
        return _Lower


@register_pass(mutates_CFG=True, analysis_only=False)  # type: ignore[no-untyped-call]
class _PartLowering(PartLowering):
    _name = "wide_part_native_lowering"

    @property
    def lowering_class(self) -> Any:
        return _Lower


ENTRY, PART = pipeline(_Lowering), pipeline(_PartLowering)


def wide(*, cache: bool = False, makes_arrays: bool = False, **options: Any) -> Any:
    """jit.njit for the widest registers; what it is called from should be wide, too.

    Only one that makes arrays, or is given back any, counts who holds them, in atomic steps: its callees need not.
    """
    options |= {"pipeline_class": ENTRY if cache else PART, "_nrt": makes_arrays}
    return njit(error_model="numpy", nogil=True, cache=cache, **options)


@intrinsic(prefer_literal=True)
def each_lane(typing: Any, together: Any, body: Any, count: Any, buffer: Any, number: Any) -> Any:
    """body(buffer, i, number) for i = 0 … count - 1, so many registers' worth at a time; the longer it is, the fewer.

    together is written out; count > 0, and no i needs another.
    """
    number = types.unliteral(number)  # type: ignore[no-untyped-call]
    called = typing.resolve_function_type(body, (buffer, types.intp, number), {})

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        call, (count, buffer, number) = context.get_function(body, called), given[2:]
        before, loop, after = builder.block, *(builder.append_basic_block(name) for name in ("lanes", "lanes.end"))
        builder.branch(loop)
        builder.position_at_end(loop)
        i = builder.phi(count.type)
        call(builder, [buffer, i, number])
        following = builder.add(i, ir.Constant(count.type, 1), flags=("nsw", "nuw"))
        i.add_incoming(ir.Constant(count.type, 0), before)
        i.add_incoming(following, builder.block)
        back = builder.cbranch(builder.icmp_signed("<", following, count), loop, after)
        back.set_metadata("llvm.loop", _interleaved(builder.module, together.literal_value))
        builder.position_at_end(after)
        return context.get_dummy_value()

    return types.void(together, body, types.intp, buffer, number), build


def _interleaved(module: Any, count: int) -> Any:
    """What LLVM reads at the end of a loop; by its first item, which is itself, it knows each loop's own."""
    wish = ir.MetaDataString(module, "llvm.loop.interleave.count")
    asked = module.add_metadata([wish, ir.Constant(ir.IntType(32), count)])
    loop = module.add_metadata([asked, module.add_metadata([ir.MetaDataString(module, f"{len(module.metadata)}")])])
    loop.operands = (loop, asked)
    return loop
