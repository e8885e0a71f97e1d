"""first-spike on simulated incidents, over the real binary: it is right nearly always, level by level."""
import tempfile
import unittest

import score

SEEDS = range(1000, 1005)


class FirstSpike(unittest.TestCase):
    def results(self, level):
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as folder:
                truth, answer = score.ask(level, seed, folder)
            yield seed, truth, answer, score.judge(truth, answer)

    def check(self, level, misses=0):
        covered = found = hops = 0
        wrong = []
        for seed, truth, answer, result in self.results(level):
            if not result["first"] or not result["reason"]:
                wrong.append((seed, truth["first"], answer["first"]))
            covered += result.get("covered", False)
            found += result["found"]
            hops += result["hops"]
        self.assertLessEqual(len(wrong), misses, wrong)
        self.assertGreaterEqual(covered, len(SEEDS) - 1 - misses)
        self.assertGreaterEqual(found, (0.9 - 0.1 * misses) * hops)

    def test_a_step_out_of_nothing(self):
        self.check(1)

    def test_a_step_among_background_and_scanners(self):
        self.check(2)

    def test_a_ramp_in_lines_that_are_out_of_order(self):
        self.check(3)

    def test_clumps_the_course_of_the_day_and_a_rise_of_something_else(self):
        self.check(4)

    def test_short_logs_and_what_is_over_again(self):
        self.check(5, misses=1)

    def test_nothing_began(self):
        for seed, _, answer, result in self.results(0):
            with self.subTest(seed=seed):
                self.assertFalse(result["false"], answer["order"])


if __name__ == "__main__":
    unittest.main()
