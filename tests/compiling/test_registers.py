"""Registers of 512 bits where LLVM would hold back, and a loop over lanes that leaves none out."""

import os
import platform
import re
import subprocess
import sys

import numpy as np
import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher

import chainderiv as cd
from chainderiv.compiling.registers import ENTRY, PART, each_lane, wide
from chainderiv.compiling.vectormath.exp import exp
from chainderiv.functions.lookup import neuron
from chainderiv.numeric.compiled import engine

AVX_512 = "+avx,+avx2,+fma,+avx512f,+avx512dq,+avx512vl,+avx512bw,+avx512cd,+evex512"
PROGRAM = """
import numpy as np
from numba import float64, njit, void
from chainderiv.compiling.vectormath.exp import exp
from chainderiv.compiling.registers import each_lane, wide

@njit(error_model="numpy", forceinline=True)
def step(buffer, i, number):
    buffer[i] = number / (buffer[i] + buffer[256 + i])

@{decorator}
def inner(buffer):
    for i in range(256):
        buffer[i] = buffer[i] / (buffer[i] + buffer[256 + i])

@{decorator}
def run(buffer):
    inner(buffer)
    each_lane(4, step, 256, buffer, 1.0)

@njit
def call(buffer):
    run(buffer)

call.compile((float64[::1],))
print("\\n".join(call.inspect_asm().values()))
"""


def divisions_for_intel(decorator):
    """The registers that a loop divides in, compiled for a processor for which LLVM prefers 256 bits of 512."""
    surroundings = os.environ | {"NUMBA_CPU_NAME": "sapphirerapids", "NUMBA_CPU_FEATURES": AVX_512}
    program = PROGRAM.format(decorator=decorator)
    run = subprocess.run([sys.executable, "-c", program], env=surroundings, capture_output=True, text=True, check=True)
    return set(re.findall(r"vdivpd.*%([xyz]mm)", run.stdout))


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="LLVM compiles for this kind alone")
def test_an_intel_processor_divides_8_float64_at_once_and_would_not_of_itself():
    assert divisions_for_intel("wide()") == {"zmm"}
    assert "zmm" not in divisions_for_intel('njit(error_model="numpy")')


@pytest.mark.parametrize("name", ["sigmoid", "gelu"])
def test_every_function_of_a_kernel_is_wide_or_put_into_one_that_is(name):
    kernel = engine.neuron_kernel(neuron(name), cd.Chain(3, name), pinned=False)
    own = {k: f for k, f in vars(kernel).items() if isinstance(f, Dispatcher) and f.__module__ == kernel.__name__}
    held_back = {k for k, f in own.items() if f._compiler.pipeline_class not in (ENTRY, PART)}
    assert len(own) > 15
    assert all(own[k].targetoptions.get("forceinline") for k in held_back)
    assert "neuron" in held_back


@njit(error_model="numpy", forceinline=True)
def count_and_square(buffer, i, one):
    buffer[i] += one
    buffer[1000 + i] = buffer[i] * i * i


@wide()
def twice(buffer, count):
    for _ in range(2):
        each_lane(4, count_and_square, count, buffer, 1)


def called(function):
    """A function with machine code of its own, which takes in one that has none."""

    @njit
    def call(buffer, count):
        function(buffer, count)

    return call


@pytest.mark.parametrize("count", [1, 7, 8, 31, 32, 33, 256, 257, 1000])
def test_every_lane_is_met_once_a_time_and_no_other(count):
    buffer = np.zeros(2000)
    called(twice)(buffer, count)
    lanes = np.arange(1000.0)
    met = np.where(lanes < count, 2.0, 0.0)
    np.testing.assert_array_equal(buffer, np.concatenate([met, met * lanes**2]))


def test_the_loop_does_several_registers_worth_of_a_long_body_together():
    @wide()
    def together(buffer, count):
        each_lane(4, long_body, count, buffer, 1.0)

    @wide()
    def one_by_one(buffer, count):
        for i in range(count):
            long_body(buffer, i, 1.0)

    assert divisions(together) >= 4 * divisions(one_by_one) > 0


@njit(error_model="numpy", forceinline=True)
def long_body(buffer, i, one):
    buffer[i] = one / (one + exp(buffer[i]))


def divisions(function):
    """How many vectors a function divides in the text of one that calls it."""
    call = called(function)
    call(np.ones(512), 512)
    (text,) = call.inspect_llvm().values()
    return len(re.findall(r"fdiv <\d+ x double>", text))
