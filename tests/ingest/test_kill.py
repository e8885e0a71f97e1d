"""kill -9 at any moment, over ingest and over follow: each numbered line is stored once."""
import gzip
import os
import random
import subprocess
import threading
import time
import unittest

from cli.tool import BINARY
from ingest.follower import NumbersCase, append, lines

SEED = 7
KILLS = 12


class Kills(NumbersCase):
    def setUp(self):
        super().setUp()
        self.random = random.Random(SEED)

    def ingest_until_killed(self, source, latest_s):
        """True when it came to its end before that."""
        with subprocess.Popen([BINARY, "ingest", source], env=self.env, cwd=self.dir,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            try:
                process.wait(self.random.uniform(0.05, latest_s))
            except subprocess.TimeoutExpired:
                process.kill()
            said = process.stderr.read()
            self.assertIn(process.wait(), (0, -9), said)
            return process.returncode == 0

    def test_ingest_killed_at_any_moment_reads_each_line_once(self):
        each = 6000
        logs = self.dir / "logs"
        self.file("logs/a.log", lines(range(each)))
        self.file("logs/b.log.gz", gzip.compress(lines(range(each, 2 * each)), 1))
        self.file("logs/c.log", lines(range(2 * each, 3 * each)))
        plain = self.file("c", lines(range(3 * each, 4 * each)))
        subprocess.run(["zstd", "-q", plain, "-o", logs / "d.zst"], check=True)
        for kill in range(KILLS):
            self.ingest_until_killed(f"lb={logs}/*", 0.6)
            found = self.numbers()
            self.assertEqual([n for n, times in found.items() if times > 1], [],
                             f"seed {SEED}, kill {kill}")
            append(logs / "a.log", lines(range(100_000 + kill * 100, 100_100 + kill * 100)))
        self.ok("ingest", f"lb={logs}/*", "--output", "json")
        must = [*range(4 * each), *range(100_000, 100_000 + KILLS * 100)]
        self.check_numbers(must, hint=f"seed {SEED}")
        self.assertEqual(self.ledger()["lines"], len(must))

    def test_follow_killed_at_any_moment_reads_each_line_once(self):
        written = []
        done = threading.Event()
        logs = self.dir / "logs"
        logs.mkdir()
        writer = threading.Thread(target=self.write_and_rotate, args=(logs, written, done))
        follower = self.follower(f"{logs}/app.log*")
        writer.start()
        for _ in range(KILLS):
            follower.start()
            time.sleep(self.random.uniform(0.05, 0.6))  # the moment of the kill
            follower.kill()
        done.set()
        writer.join()
        follower.start()
        self.wait_for_numbers(range(len(written)), follower)
        follower.stop()
        self.check_numbers(range(len(written)), hint=f"seed {SEED}")
        self.assertEqual(self.ledger()["lines"], len(written))
        self.assertNotIn("Sanitizer", follower.text())

    def write_and_rotate(self, logs, written, done):
        """A logger that is rotated by renaming; nothing that it wrote goes."""
        chance = random.Random(SEED + 1)
        live = logs / "app.log"
        rotations = 0
        while not done.is_set():
            count = chance.choice([1, 3, 50])
            append(live, lines(range(len(written), len(written) + count)))
            written.extend(range(count))
            if chance.random() < 0.02:
                rotations += 1
                os.rename(live, logs / f"app.log-{rotations}")
            time.sleep(0.003)  # the logger's own pace


if __name__ == "__main__":
    unittest.main()
