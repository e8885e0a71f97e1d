"""What the lab recorded still agrees with its tables, and holds nothing but the lab's own names."""
import glob
import importlib
import json
import os
import re
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LAB = os.path.join(ROOT, "fixtures/lab")
sys.path.insert(0, LAB)
import truth  # noqa: E402

KEPT = ("line", "product", "case", "side")
BYTES_MAX = 1 << 20


def shapes():
    out = {}
    for path in glob.glob(os.path.join(LAB, "products/[a-z]*.py")):
        name = os.path.splitext(os.path.basename(path))[0]
        mine = importlib.import_module("products." + name).SHAPES
        assert not out.keys() & mine.keys(), f"{name}: two files record the same product"
        out.update(mine)
    return out


def recorded():
    for path in sorted(glob.glob(os.path.join(LAB, "recorded/*.jsonl"))):
        with open(path, encoding="utf-8") as rows:
            yield path, [json.loads(row) for row in rows]


class Recordings(unittest.TestCase):
    def test_each_label_is_what_the_tables_say(self):
        table = shapes()
        for path, records in recorded():
            for record in records:
                told = truth.label(table[record["product"]], record["case"], record["line"])
                with self.subTest(file=os.path.basename(path), line=record["line"][:120]):
                    self.assertEqual({k: v for k, v in record.items() if k not in KEPT}, told)

    def test_no_label_tells_more_than_its_case_can(self):
        for path, records in recorded():
            for record in records:
                with self.subTest(file=os.path.basename(path), line=record["line"][:120]):
                    self.assertTrue(record["class"] is None or truth.allowed(record["case"], record["reason"]))

    def test_nothing_of_the_machine_that_recorded_stands_in_a_line(self):
        for path, records in recorded():
            self.assertLess(os.path.getsize(path), BYTES_MAX, path)
            for record in records:
                with self.subTest(file=os.path.basename(path), line=record["line"][:120]):
                    self.assertNotIn(ROOT, record["line"])
                    self.assertNotRegex(record["line"], r"/(?:home|root|work)/")
                    self.assertEqual(re.findall(r"\b(?!127\.0\.0\.\d|0\.0\.0\.0|192\.0\.2\.)\d{1,3}(?:\.\d{1,3}){3}:\d+", record["line"]), [])


if __name__ == "__main__":
    unittest.main()
