"""The classifier on all labelled records, and on those held out: what is promised, held by test.

The thresholds lie a little below what is reached; score.py prints the report and the misses."""
import os
import unittest

import score


class Accuracy(unittest.TestCase):
    paths = staticmethod(score.sets)
    at_least = {"f1": 0.995, "class": 0.995, "reason": 0.995, "leg": 0.99, "rejected_by": 0.995, "alert": 0.995,
                "host": 0.995, "peer": 0.995}
    at_most = {"invented": 0.005, "negatives_taken": 0.003}

    @classmethod
    def setUpClass(cls):
        records = [record for path in cls.paths() for record in score.load(path)]
        cls.score = score.score(os.environ["TLSTRAIL"], records)
        cls.numbers = cls.score.numbers()

    def test_no_field_falls_below_what_is_promised(self):
        for field, least in self.at_least.items():
            with self.subTest(field=field):
                self.assertGreaterEqual(self.numbers[field], least, self.report(field))

    def test_little_is_invented_and_few_hard_negatives_are_taken(self):
        for field, most in self.at_most.items():
            with self.subTest(field=field):
                self.assertLessEqual(self.numbers[field], most, self.report(field))

    def test_there_are_as_many_hard_negatives_as_failures(self):
        self.assertGreaterEqual(self.score.negatives, self.score.found + self.score.missed)

    def report(self, field):
        kinds = {"f1": ("missed", "taken"), "negatives_taken": ("taken",), "invented": score.INVENTABLE}
        wanted = set(kinds.get(field, (field,)))
        lines = [f"[{r.get('format')}] {r['line'][:160]!r}" for r, _, wrong in self.score.misses
                 if wanted & set(wrong)]
        return "\n" + "\n".join(lines[:20])


class HeldOut(Accuracy):
    """The same of lines that no rule was written for."""

    at_least = {"f1": 0.97, "class": 0.98, "reason": 0.98, "leg": 0.95, "rejected_by": 0.98, "alert": 0.99,
                "host": 0.98, "peer": 0.98}
    at_most = {"invented": 0.01, "negatives_taken": 0.015}

    @staticmethod
    def paths():
        return [path for path in score.sets() if "heldout" in path]


class Counting(unittest.TestCase):
    """The scorer itself: a wrong field, an invented one, a miss and a false alarm each count once."""

    LABEL = {"line": "x", "class": "transport", "reason": "reset", "leg": "upstream", "rejected_by": "peer",
             "alert": None, "host": None, "peer": "192.0.2.1:443", "tls_version": None, "set": "s"}
    FOUND = {"failure": True, "class": "transport", "reason": "reset", "leg": "upstream",
             "rejected_by": "peer", "alert": None, "host": None, "peer": "192.0.2.1:443",
             "tls_version": None}

    def numbers(self, *pairs):
        result = score.Score()
        for label, found in pairs:
            result.add({**self.LABEL, **label}, {**self.FOUND, **found})
        return result.numbers()

    def test_a_right_answer_is_all_right(self):
        self.assertEqual(self.numbers(({}, {}))["reason"], 1.0)

    def test_a_filled_field_that_the_line_does_not_tell_is_invented(self):
        numbers = self.numbers(({}, {"host": "a.example"}))
        self.assertEqual(numbers["host"], 0.0)
        self.assertEqual(numbers["invented"], 1 / 3)

    def test_an_ambiguous_field_is_not_scored(self):
        numbers = self.numbers(({"ambiguous": ["host"]}, {"host": "a.example"}))
        self.assertEqual((numbers["host"], numbers["invented"]), (1.0, 0.0))

    def test_a_miss_lowers_recall_and_a_false_alarm_precision(self):
        numbers = self.numbers(({}, {}), ({}, {"failure": False}), ({"class": None}, {}))
        self.assertEqual((numbers["precision"], numbers["recall"]), (0.5, 0.5))
        self.assertEqual(numbers["negatives_taken"], 1.0)

    def test_a_tls_version_is_the_same_however_it_is_spelt(self):
        self.assertEqual(score.plain("tls_version", "TLSv1.2"), score.plain("tls_version", "tlsv12"))
        self.assertNotEqual(score.plain("tls_version", "TLSv1"), score.plain("tls_version", "TLSv1.1"))


if __name__ == "__main__":
    unittest.main()
