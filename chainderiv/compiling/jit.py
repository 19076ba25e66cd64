"""Numba's njit for kernel files: what Python calls, and parts, which only compiled code calls.

Numba makes every function ready to be called by Python: with wrappers, optimised, as machine code, and with it a copy
of all that it calls, and of what that calls; of a kernel of some fifty functions it is half of the time. A part goes
into its callers as it was lowered, and is optimised there, once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import numba
from numba.core import types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.registry import CPUDispatcher
from numba.core.typed_passes import NativeLowering

Function = TypeVar("Function", bound=Callable[..., Any])


class Part(CPUDispatcher):
    """A function that other compiled functions take in.

    Python may call it, too: then it is compiled a second time, with all that this needs.
    """

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """The overload for a call's types: the same for every number, whether or not the caller writes it out."""
        plain: Any = types.unliteral
        return super().get_call_template(tuple(map(plain, args)), {name: plain(kind) for name, kind in kws.items()})

    def add_overload(self, made: Any) -> None:
        """Keep it for compiled code; Numba's table for calls from Python would want a pointer."""
        self.overloads[tuple(made.signature.args)] = made

    @cached_property
    def _for_python(self) -> Any:
        return numba.njit(**{k: v for k, v in self.targetoptions.items() if k != "nopython"})(self.py_func)

    def __call__(self, *args: Any) -> Any:
        """Compile it for Python, and call that."""
        return self._for_python(*args)


class _Library(JITCodeLibrary):
    """A function's code and that of what it calls, neither optimised nor made machine code."""

    def finalize(self) -> None:
        for library in dict.fromkeys(self._linking_libraries):
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()  # type: ignore[no-untyped-call]
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)  # type: ignore[no-untyped-call]
class PartLowering(NativeLowering):
    """Numba's own, for a part: no wrapper, no machine code."""

    _name = "part_native_lowering"

    def run_pass(self, state: Any) -> bool:
        """Lower it, and let calls find it."""
        library: Any = _Library
        state.library = library(state.targetctx.codegen(), state.func_id.func_qualname)
        for not_needed in ("no_cpython_wrapper", "no_cfunc_wrapper", "no_compile"):
            setattr(state.flags, not_needed, True)
        super().run_pass(state)  # type: ignore[no-untyped-call]
        key = object()  # by which a call finds it, in the place of a pointer
        state.targetctx.insert_user_function(key, state.cr.fndesc, [state.library])
        state["cr"] = state.cr._replace(cfunc=key)
        return True


def pipeline(lowering: type[NativeLowering]) -> type[CompilerBase]:
    """Numba's compiler with another last step."""

    class Compiler(CompilerBase):
        def define_pipelines(self) -> list[PassManager]:
            passes = DefaultPassBuilder.define_nopython_pipeline(self.state)  # type: ignore[no-untyped-call]
            passes.passes = [(lowering if made is NativeLowering else made, said) for made, said in passes.passes]
            passes.finalize()
            return [passes]

    return Compiler


_PART = pipeline(PartLowering)


def njit(*, cache: bool = False, pipeline_class: Any = None, **options: Any) -> Callable[[Function], Function]:
    """numba.njit; what is kept (cache) is called by Python, and what is not is a part."""
    if not cache:
        options |= {"nopython": True, "boundscheck": None}
        part: Any = Part  # which is called as the function is
        return lambda function: part(function, targetoptions=options, pipeline_class=pipeline_class or _PART)
    if pipeline_class is not None:
        options["pipeline_class"] = pipeline_class
    kept: Any = numba.njit  # its types do not know no_cfunc_wrapper
    made: Callable[[Function], Function] = kept(cache=True, no_cfunc_wrapper=True, **options)
    return made
