"""Parts: functions that go into their callers, and have no machine code of their own."""

import numba
import numpy as np
import pytest
from numba.core.codegen import JITCodeLibrary

from chainderiv.compiling.jit import Part, njit


@njit(error_model="numpy", forceinline=True)
def cubed(x):
    return x * x * x


@njit(error_model="numpy")
def filled(values, row, cube):
    for i in range(4):
        if cube:
            values[row * 4 + i] += cubed(i + 1.0)
        else:
            values[row * 4 + i] += 1.0
    return row


@njit(error_model="numpy")
def twice_filled(values):
    return filled(values, 0, False) + filled(values, 1, True) + filled(values, 2, values[0] < 3.0)


@njit()
def refusing(x):
    if x > 1.0:
        raise ValueError("too large")
    return x


ONCE, CUBES = [1.0] * 4, [1.0, 8.0, 27.0, 64.0]


def test_a_part_does_in_its_callers_what_it_says():
    @numba.njit
    def call(values):
        return twice_filled(values)

    values = np.zeros(12)
    assert call(values) == 3
    assert values.tolist() == ONCE + CUBES + CUBES


def test_a_part_that_python_calls_gives_the_same():
    values = np.zeros(12)
    assert isinstance(twice_filled, Part)
    assert twice_filled(values) == 3
    assert values.tolist() == ONCE + CUBES + CUBES
    assert cubed(3.0) == 27.0
    with pytest.raises(numba.TypingError):
        cubed("three")


def test_what_one_caller_does_not_need_of_a_part_another_still_gets():
    """A linker leaves out what nobody asks for yet."""

    @njit()
    def without(x):
        return cubed(x) if False else x

    @njit()
    def both(x):
        return without(x) + cubed(x)

    @numba.njit
    def call(x):
        return both(x) + without(x)

    assert call(2.0) == 2.0 + 8.0 + 2.0


def test_a_part_raises_what_it_raises_through_its_callers_and_when_python_calls_it():
    @numba.njit
    def call(x):
        return refusing(x)

    for function in (call, refusing):
        assert function(0.5) == 0.5
        with pytest.raises(ValueError, match="too large"):
            function(2.0)


def test_numbers_that_are_written_out_make_no_part_of_their_own():
    @njit()
    def added(x, k):
        return x + k

    @numba.njit
    def call(x, k):
        return added(x, 1) + added(x, 2) + added(x, k) + added(k=3, x=x)

    assert call(1.0, 4) == 14.0
    assert len(added.overloads) == 1


def test_machine_code_is_made_of_what_python_calls_and_of_no_part(monkeypatch):
    made, finish = [], JITCodeLibrary._finalize_specific

    def noted(library):
        made.append(library.name)
        finish(library)

    monkeypatch.setattr(JITCodeLibrary, "_finalize_specific", noted)

    @njit()
    def inner(x):
        return x - 1.0

    @njit()
    def outer(x):
        return inner(x) + inner(2.0 * x)

    @numba.njit
    def call(x):
        return outer(x)

    assert call(3.0) == 7.0
    assert len(made) == 1
    assert made[0].endswith("call")
    outer(3.0)
    assert any(name.endswith("outer") for name in made)
