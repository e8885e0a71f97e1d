#!/usr/bin/env python3
"""Scores `tlstrail classify` against labelled records and prints what it got wrong.

    TLSTRAIL=build/dev/tlstrail tests/accuracy/score.py [--misses N] [FILE.jsonl ...]

Without files: fixtures/lines/*.jsonl and fixtures/lab/recorded/*.jsonl. A set is one JSON object a line:
{"line", "format", "class", "reason", "leg", "rejected_by", "alert", "host", "peer", "tls_version",
"ambiguous"}. class null: no failed handshake. null or absent elsewhere: the line doesn't tell.
ambiguous: fields that two careful readers label differently; they aren't scored ("class" on a record
without a failure: the whole record isn't).

precision, recall, F1   is it a failure at all
a field's accuracy      over the failures that were found; null must come out as null
invented                of the fields that the labels leave empty, how many were filled
hard negatives taken    of the records without a failure, how many became an event
"""
import argparse
import collections
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIELDS = ("class", "reason", "leg", "rejected_by", "alert", "host", "peer", "tls_version")
# A class or a reason is never empty on a failure, so it can be wrong but not invented.
INVENTABLE = FIELDS[2:]
# Where a set keeps what it doesn't want to be scored on but wants to keep together.
SETS = ("fixtures/lines/*.jsonl", "fixtures/lab/recorded/*.jsonl")


def sets():
    return sorted(path for pattern in SETS for path in glob.glob(os.path.join(ROOT, pattern)))


def load(path):
    with open(path, encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines if line.strip()]
    for record in records:
        record["set"] = os.path.basename(path)
    return records


def classify(binary, records):
    """One result a record."""
    text = "".join(record["line"].rstrip("\r\n").replace("\0", "\1") + "\0" for record in records)
    done = subprocess.run([binary, "classify", "--output", "ndjson", "--null"],
                          input=text.encode("utf-8", "surrogateescape"), capture_output=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit("tlstrail classify: " + done.stderr.decode("utf-8", "replace"))
    results = [json.loads(line) for line in done.stdout.splitlines()]
    if len(results) != len(records):
        sys.exit(f"classify gave {len(results)} results for {len(records)} records")
    return results


def plain(field, value):
    if value in ("", None):
        return None
    if field == "host":
        return value.lower().rstrip(".")
    if field == "tls_version":
        digits = value.lower().replace("v", "").replace(".", "").replace("_", "").replace(" ", "")
        return {"tls1": "tls10", "ssl3": "ssl30"}.get(digits, digits)
    return value


class Score:
    def __init__(self):
        self.found = self.missed = self.taken = self.negatives = 0
        self.right = collections.Counter()
        self.asked = collections.Counter()
        self.invented = self.empty = 0
        self.confusion = collections.Counter()
        self.misses = []

    def add(self, record, result):
        ambiguous = record.get("ambiguous") or ()
        if record.get("class") is None:
            self.add_negative(record, result, ambiguous)
        elif not result["failure"]:
            self.missed += 1
            self.confusion[record["class"], "-"] += 1
            self.misses.append((record, result, ["missed"]))
        else:
            self.found += 1
            self.add_fields(record, result, ambiguous)

    def add_negative(self, record, result, ambiguous):
        if "class" in ambiguous or "failure" in ambiguous:
            return
        self.negatives += 1
        if result["failure"]:
            self.taken += 1
            self.confusion["-", result["class"]] += 1
            self.misses.append((record, result, ["taken"]))

    def add_fields(self, record, result, ambiguous):
        wrong = []
        if "class" not in ambiguous:
            self.confusion[record["class"], result["class"]] += 1
        for field in FIELDS:
            if field in ambiguous:
                continue
            want, got = plain(field, record.get(field)), plain(field, result.get(field))
            self.asked[field] += 1
            self.right[field] += want == got
            if field in INVENTABLE and want is None:
                self.empty += 1
                self.invented += got is not None
            if want != got:
                wrong.append(field)
        if wrong:
            self.misses.append((record, result, wrong))

    def numbers(self):
        def share(part, whole, none=1.0):
            return part / whole if whole else none

        precision = share(self.found, self.found + self.taken)
        recall = share(self.found, self.found + self.missed)
        out = {"records": self.found + self.missed + self.negatives, "precision": precision,
               "recall": recall, "f1": share(2 * precision * recall, precision + recall, 0.0)}
        for field in FIELDS:
            out[field] = share(self.right[field], self.asked[field])
        out["invented"] = share(self.invented, self.empty, 0.0)
        out["negatives_taken"] = share(self.taken, self.negatives, 0.0)
        return out


def score(binary, records):
    result = Score()
    for record, found in zip(records, classify(binary, records)):
        result.add(record, found)
    return result


HEADINGS = (("records", "records"), ("precision", "prec"), ("recall", "recall"), ("f1", "F1"),
            ("class", "class"), ("reason", "reason"), ("leg", "leg"), ("rejected_by", "by"),
            ("alert", "alert"), ("host", "host"), ("peer", "peer"), ("tls_version", "tls"),
            ("invented", "invent"), ("negatives_taken", "neg"))


def print_row(name, numbers):
    cells = [f"{numbers[key]:>7}" if key == "records" else f"{100 * numbers[key]:>6.1f}"
             for key, _ in HEADINGS]
    print(f"{name:<28}" + " ".join(cells))


def print_confusion(confusion):
    names = sorted({name for pair in confusion for name in pair})
    print("\nlabel \\ found   " + " ".join(f"{name[:9]:>9}" for name in names))
    for label in names:
        print(f"{label:<15} " + " ".join(f"{confusion[label, got] or '.':>9}" for got in names))


def print_misses(misses, limit):
    for record, result, wrong in misses[:limit]:
        print(f"\n{record['set']} [{record.get('format')}] {', '.join(wrong)}")
        print("  " + record["line"].replace("\n", "\n  ")[:700])
        for field in wrong:
            if field in FIELDS:
                print(f"    {field}: {record.get(field)!r} expected, {result.get(field)!r} found")
        if wrong == ["taken"]:
            print(f"    found: {result['class']}/{result['reason']}")


def main():
    parser = argparse.ArgumentParser(description="Scores tlstrail classify on labelled records.")
    parser.add_argument("files", nargs="*")
    parser.add_argument("--misses", type=int, default=0, help="how many misses to list, -1 for all")
    options = parser.parse_args()
    binary = os.environ.get("TLSTRAIL", os.path.join(ROOT, "build/dev/tlstrail"))
    total = Score()
    print(f"{'set':<28}" + " ".join(f"{name:>7}" if key == "records" else f"{name:>6}"
                                    for key, name in HEADINGS))
    labels = {path: load(path) for path in options.files or sets()}
    found = classify(binary, [record for records in labels.values() for record in records])
    for path in labels:
        here = found[:len(labels[path])]
        del found[:len(labels[path])]
        one = Score()
        for record, result in zip(labels[path], here):
            one.add(record, result)
            total.add(record, result)
        print_row(os.path.basename(path), one.numbers())
    print_row("all", total.numbers())
    print_confusion(total.confusion)
    print_misses(total.misses, len(total.misses) if options.misses < 0 else options.misses)


if __name__ == "__main__":
    main()
