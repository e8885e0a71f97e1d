#!/usr/bin/env python3
"""Asks the built binary where simulated incidents began, and prints how often it is right.

    TLSTRAIL=build/release/tlstrail tests/incidents/score.py [--seeds N] [--level L] [--verbose]

first      the stream that broke first is named: as the first, or as tied with it
covered    of those, the true onset lies in [earliest, latest]
median s   of the distance between the onset that was named and the true one
order      of the hops that broke, how many are found within 60 s of their true onset
false      (level 0) an incident where there was none
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
from datetime import datetime

from simulate import Simulation

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("TLSTRAIL", str(ROOT / "build/dev/tlstrail"))


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def ask(level, seed, folder):
    folder = pathlib.Path(folder)
    simulation = Simulation(level, seed).run()
    simulation.write(folder / "logs")
    store = ["--store", str(folder / "store"), "--now", simulation.truth["now"]]
    subprocess.run([BINARY, "ingest", *store, "--output", "json",
                    *(f"{s}={folder}/logs/{s}.log" for s in simulation.streams)],
                   check=True, stdout=subprocess.DEVNULL)
    done = subprocess.run([BINARY, "first-spike", *store, "--output", "json"], capture_output=True,
                          text=True, check=False)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return simulation.truth, json.loads(done.stdout)


def judge(truth, answer):
    """What is right of the answer, by name; false alarms have only "false"."""
    first = answer["first"]
    if truth["first"] is None:
        return {"false": first is not None}
    if first is None:
        return {"first": False, "found": 0, "hops": len(truth["order"])}
    want = truth["first"]
    rows = {row["stream"]: row for row in answer["order"]}
    named = want["stream"] in [first["stream"], *first["tied_with"]]
    out = {"first": named, "hops": len(truth["order"]),
           "found": sum(t["stream"] in rows and
                        abs(seconds(rows[t["stream"]]["onset"]) - seconds(t["onset"])) < 60 + t["slow_s"] / 2
                        for t in truth["order"])}
    if named:
        row = rows[want["stream"]]
        at = seconds(want["onset"])
        out["covered"] = seconds(row["earliest"]) - 0.002 <= at <= seconds(row["latest"]) + 0.002
        out["error_s"] = abs(seconds(row["onset"]) - at)
        out["reason"] = row["reason"] == want["reason"]
        out["alone"] = not first["tied_with"]
    return out


def share(results, key):
    values = [r[key] for r in results if key in r]
    return f"{100 * sum(values) / len(values):6.1f}" if values else "     -"


def main():
    parser = argparse.ArgumentParser(description="Scores first-spike on simulated incidents.")
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--level", type=int, action="append")
    parser.add_argument("--verbose", action="store_true", help="each incident that was got wrong")
    options = parser.parse_args()
    print("level  seeds   first covered   alone  reason median s  order   false")
    for level in options.level or (1, 2, 3, 4, 5, 0):
        results = []
        for seed in range(options.seeds):
            with tempfile.TemporaryDirectory() as folder:
                truth, answer = ask(level, seed, folder)
            result = judge(truth, answer)
            results.append(result)
            wrong = result.get("false") or result.get("first") is False or result.get("covered") is False
            if options.verbose and wrong:
                print(f"  level {level} seed {seed}: {result}\n    wanted {truth['first']}\n    "
                      f"found {[(r['stream'], r['reason'], r['onset'], r['earliest'], r['latest'], r['slow']) for r in answer['order']]}")
        errors = [r["error_s"] for r in results if "error_s" in r]
        hops = sum(r.get("hops", 0) for r in results)
        order = f"{100 * sum(r.get('found', 0) for r in results) / hops:6.1f}" if hops else "     -"
        print(f"{level:>5}  {len(results):>5}  {share(results, 'first')}  {share(results, 'covered')}  "
              f"{share(results, 'alone')}  {share(results, 'reason')}  "
              f"{statistics.median(errors) if errors else float('nan'):>7.2f}  {order}  "
              f"{share(results, 'false')}")


if __name__ == "__main__":
    main()
