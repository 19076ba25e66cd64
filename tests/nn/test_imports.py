import subprocess
import sys

ROOM = [
    "nn.checks",
    "nn.data.data",
    "nn.data.download",
    "nn.data.idx",
    "nn.data.mnist",
    "nn.initialise",
    "nn.network",
    "nn.output_layer",
    "nn.training.training",
    "records.record",
]


def test_the_room_loads_neither_pooch_nor_numba_before_they_are_needed():
    program = f"""
import importlib, sys
for name in {ROOM}:
    importlib.import_module(f"chainderiv.{{name}}")
loaded = {{m.split(".")[0] for m in sys.modules}}
print(sorted(loaded & {{"sklearn", "pooch", "requests", "matplotlib", "numba"}}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_oracle_shares_nothing_with_the_symbolic_room_nor_runs_with_the_engines_of_maps():
    program = """
import sys
import chainderiv.nn.training.training
import chainderiv.experiments.runs
print([m for m in sys.modules if m.startswith(("chainderiv.symbolic", "chainderiv.view", "chainderiv.numeric", "chainderiv.maps"))])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
