"""Run benchmarks: ``python benchmarks/run.py [CASE …] [--peers …] [--rounds N] [--smoke]``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections import defaultdict
from importlib.metadata import version
from typing import Any

import uvloop
from cases import NETWORK
from local import LOCAL
from peers import HERE, PEERS, Missing

SMOKE_SCALE = 0.04

# What is compared of each case; the rest is shown beside it.
COMPARED = {
    "steady": ("cpu_us_per_delivered_edit", "p99_ms"),
    "flood": ("cpu_us_per_delivered_edit", "p99_ms"),
    "storm": ("cpu_s", "peak_mb", "last_s"),
    "presence": ("cpu_percent_of_a_core",),
    "idle": ("memory_kb_per_connection", "cpu_percent_of_a_core"),
    "trace": ("cpu_us_per_edit",),
}


def measure(case: str, peer: str | None, scale: float) -> dict[str, float] | None:
    """One run; None, and a word on the screen, where something is missing."""
    try:
        work = LOCAL[case](scale) if peer is None else NETWORK[case](peer, scale)
        figures: dict[str, float] = uvloop.run(work)
    except Missing as reason:
        print(f"  not measured: {case} {peer or ''}: {reason}", file=sys.stderr)
        return None
    return figures


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def show(case: str, figures: dict[str, dict[str, float]]) -> None:
    print(f"\n{case}")
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    width = max(map(len, names))
    print(" " * width, *(f"{peer:>18}" for peer in figures))
    for name in names:
        cells = (row.get(name, float("nan")) for row in figures.values())
        print(f"{name:<{width}}", *(f"{cell:>18,.2f}" for cell in cells))


def ratios(case: str, figures: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Ours to each peer's, of the figures that are compared; below 1 ours is less."""
    found: dict[str, dict[str, float]] = {}
    for ours in ("collabkit", "collabkit-hp", "collabkit-guarded"):
        # What is judged is compared with what is not, the rest with peers.
        guarded = ours == "collabkit-guarded"
        for peer, theirs in figures.items():
            fits = peer == "collabkit" if guarded else not peer.startswith("collabkit")
            if ours in figures and fits:
                found[f"{ours} : {peer}"] = {
                    name: figures[ours][name] / theirs[name]
                    for name in COMPARED.get(case, ())
                    if theirs.get(name)
                }
    return found


def run(cases: list[str], peers: list[str], rounds: int, scale: float) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for case in cases:
        runs: dict[str, list[dict[str, float]]] = defaultdict(list)
        for _ in range(rounds):
            # Alternating: when the machine drifts, it drifts for everybody.
            for peer in peers if case in NETWORK else [None]:
                if (figures := measure(case, peer, scale)) is not None:
                    runs[peer or "collabkit"].append(figures)
        middle = {peer: medians(r) for peer, r in runs.items()}
        results[case] = {peer: {"median": middle[peer], "runs": r} for peer, r in runs.items()}
        if middle:
            show(case, middle)
        if compared := ratios(case, middle):
            results[case]["ratios"] = compared
            for pair, shares in compared.items():
                print(f"{pair:<32}", *(f"{name} {share:.2f}" for name, share in shares.items()))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    everything = [*NETWORK, *LOCAL]
    parser.add_argument("cases", nargs="*", choices=[*everything, []], default=[])
    parser.add_argument("--peers", nargs="+", choices=list(PEERS), default=list(PEERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--smoke", action="store_true", help="a second a case, ours only")
    given = parser.parse_args()
    scale, rounds, peers = (1.0, given.rounds, given.peers)
    if given.smoke:
        scale, rounds, peers = (SMOKE_SCALE, 1, ["collabkit", "collabkit-hp"])
    cases = given.cases or everything
    results = run(cases, peers, rounds, scale)
    if given.smoke:
        missing = sorted(set(cases) - {case for case, found in results.items() if found})
        print("\nnot measured:", ", ".join(missing) or "nothing")
        return
    folder = HERE / "results"
    folder.mkdir(exist_ok=True)
    path = folder / f"{time.strftime('%Y-%m-%d-%H%M%S')}.json"
    machine = {"cpus": os.cpu_count(), "python": platform.python_version()}
    about = {"machine": machine, "collabkit": version("collabkit"), "rounds": rounds}
    path.write_text(json.dumps({"about": about, "results": results}, indent=1) + "\n")
    print(f"\nwritten to {path.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
