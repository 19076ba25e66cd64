"""Maps against their peers, in turns and each in a process of its own: python -m benchmarks.sweep.

torch and jax come with the extra `bench`, C is compiled by gcc; a peer that is not here is listed as missing. Nothing
here asserts a time. Run it on a machine that does nothing else: it says at its end whether that was so.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.machine import kind, load, machine, processor, versions
from benchmarks.maps import Map
from benchmarks.peers.c_maps import compiler_version, vector_calls
from benchmarks.peers.ours import machine_code
from benchmarks.report import HEAD, Row, asked_table, docs_table, quietness, rows
from benchmarks.tables import Table, tables
from benchmarks.turns import Contestant, NotHere, Others, Work, in_turns

SIDE, ROUNDS, QUICK_SIDE, QUICK_ROUNDS = 1000, 11, 200, 2


def code_work(side: int) -> Work:
    """For a process of its own, whose cache folder is empty."""
    return Work(lambda: None, lambda: machine_code(Map(20, side=side)))


def code_told(side: int) -> dict[str, Any]:
    """What machine code this package and the C compiler have made."""
    (asked,) = in_turns([Contestant("machine code", partial(code_work, side))], 0)
    told: dict[str, Any] = asked.told or {"missing": asked.missing}
    try:
        told |= {"c_compiler": compiler_version(), "c_vector_calls": vector_calls()}
    except NotHere as e:
        told |= {"c_compiler": str(e), "c_vector_calls": {}}
    return told


def code_lines(told: dict[str, Any]) -> str:
    """The same as text."""
    if "missing" in told:
        ours = f"machine code: {told['missing']}"
    else:
        counts = ", ".join(f"{n} of {bits} bits" for bits, n in told["vector_instructions"].items())
        ours = f"our kernel's arithmetic on vectors of doubles: {counts or 'none that this knows'}"
        ours += f"; the first map, compiled: {told['cold_seconds']:.1f} s"
    calls = ", ".join(told["c_vector_calls"]) or "none of the vector math library"
    return f"{ours}\n{told['c_compiler']}; its loop calls {calls}"


def measured(table: Table, others: Others) -> list[Row]:
    """Measure and print a table."""
    found = rows(table, in_turns([line.contestant for line in table.lines], table.rounds, others))
    print(f"{table.what}, {table.rounds} rounds\n{HEAD}", *found, sep="\n", end="\n\n", flush=True)
    return found


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=__doc__)
    parser.add_argument("--rounds", type=int, help=f"how often each is asked (default {ROUNDS}; half of it where deep)")
    parser.add_argument(
        "--quick", action="store_true", help=f"{QUICK_SIDE} × {QUICK_SIDE} points, {QUICK_ROUNDS} rounds"
    )
    parser.add_argument("--only", metavar="TEXT", default="", help="the tables alone whose name holds it")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/benchmarks.md as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it there as well")
    options = parser.parse_args()
    began, others, before = time.perf_counter(), Others(), load()
    side, rounds = (QUICK_SIDE, QUICK_ROUNDS) if options.quick else (SIDE, ROUNDS)
    chosen = [t for t in tables(side, options.rounds or rounds) if options.only in t.what]
    print(machine())
    code = code_told(side)
    print(code_lines(code), f"{side} × {side} points, float64, all cores\n", sep="\n", flush=True)
    found = [(table, measured(table, others)) for table in chosen]
    if options.markdown:
        print(docs_table(found), end="\n\n")
    quiet = quietness(others, found)
    table = asked_table(found, kind(), quiet)
    print(table, f"\n{quiet}; {(time.perf_counter() - began) / 60:.1f} minutes", sep="\n")
    if options.json is not None:
        everything = {
            "processor": processor(),
            "kind": kind(),
            "versions": versions(),
            "load_before": before,
            "others_share": others.share,
            "quiet": quiet.reached,
            "quietness": str(quiet),
            "side": side,
            "machine_code": code,
            "asked": table,
            "tables": {t.what: [row.to_dict() for row in rows] for t, rows in found},
        }
        options.json.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
