import subprocess
import sys

ROOM = [
    "checks",
    "data",
    "download",
    "idx",
    "initialise",
    "mnist",
    "network",
    "output_layer",
    "record",
    "training",
]


def test_the_room_loads_neither_scikit_learn_nor_pooch_before_they_are_needed():
    program = f"""
import importlib, sys
for name in {ROOM}:
    importlib.import_module(f"chainderiv.nn.{{name}}")
loaded = {{m.split(".")[0] for m in sys.modules}}
print(sorted(loaded & {{"sklearn", "pooch", "requests", "matplotlib", "numba"}}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_oracle_shares_nothing_with_the_symbolic_room():
    program = """
import sys
import chainderiv.nn.training.training
print([m for m in sys.modules if m.startswith(("chainderiv.symbolic", "chainderiv.view"))])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
