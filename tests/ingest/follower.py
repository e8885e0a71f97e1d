"""What the tests of ingest share: numbered failing lines, a follower that is started, fed and
killed, and what the store then holds of the numbers."""
import collections
import json
import os
import pathlib
import re
import signal
import subprocess
import time

from cli.tool import BINARY, Case

WAIT_S = int(os.environ.get("WAIT_S", 60))  # far over what anything takes: only a hang gets there


def failing(number):
    """A line that is an event; its number is its end, so that a torn one doesn't have it."""
    return (f"Apr 18 04:12:25 lb-1 haproxy[2211]: 203.0.113.9:53112 [18/Apr/2026:04:12:25.127] "
            f"fe_https/1: Connection closed during SSL handshake n={number:06};\n").encode()


def harmless(number):
    return f"Apr 18 04:12:25 lb-1 app[7]: request {number} served\n".encode()


class Follower:
    """`tlstrail follow` over the files of one stream."""

    def __init__(self, case, globs, **settings):
        self.case = case
        self.process = None
        self.said = case.dir / "follow.err"
        self.preload = {}
        stream = {"name": "lb", "files": [str(g) for g in globs], **settings.pop("stream", {})}
        # JSON is YAML
        self.config = case.file("follow.yaml", json.dumps({"streams": [stream], **settings}))

    def start(self):
        with open(self.said, "ab") as said:
            self.process = subprocess.Popen(
                [BINARY, "follow", "--config", self.config], stdout=subprocess.PIPE, stderr=said,
                env={**self.case.env, **self.preload}, cwd=self.case.dir)
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()
        self.process = None

    def is_up(self):
        """Whether it has come as far as to handle SIGTERM."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        caught = int(re.search(r"SigCgt:\s*(\w+)", status)[1], 16)
        return bool(caught >> (signal.SIGTERM - 1) & 1)

    def stop(self):
        """SIGTERM; the ledger that it prints."""
        self.case.wait_for(self.is_up, self, "start")
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=WAIT_S)
        status, self.process = self.process.returncode, None
        self.case.assertEqual(status, 0, self.text())
        return json.loads(out)["streams"][0]

    def end(self):
        if self.process:
            self.kill()

    def text(self):
        return self.said.read_text(errors="replace")


class NumbersCase(Case):
    """A Case that compares a store's numbers with those that were written."""

    def follower(self, *globs, **settings):
        follower = Follower(self, globs, **settings)
        self.addCleanup(follower.end)
        return follower

    def numbers(self):
        """How often each number is stored."""
        done = self.run_tool("events", "--output", "ndjson")
        if done.returncode not in (0, 1):
            return collections.Counter()  # no store yet
        rows = (json.loads(line)["raw"] for line in done.stdout.splitlines())
        return collections.Counter(int(n) for row in rows for n in re.findall(r"n=(\d{6});", row))

    def ledger(self):
        """The store's counts of stream lb, which must add up."""
        rows = self.json("status")["streams"]
        ledger = next(row for row in rows if row["stream"] == "lb")
        self.assertEqual(ledger["lines"],
                         ledger["events"] + ledger["other"] + ledger["quarantined"], ledger)
        self.assertEqual(ledger["events"], ledger["stored"] + ledger["pruned"], ledger)
        return ledger

    def wait_for(self, condition, follower, what):
        """Until condition() is true; a follower that ends, or doesn't get there, fails the test."""
        until = time.monotonic() + WAIT_S
        while not condition():
            if follower.process.poll() is not None:
                self.fail(f"follow ended with {follower.process.returncode}: {follower.text()}")
            if time.monotonic() > until:
                self.fail(f"{what}: not within {WAIT_S} s: {follower.text()}")
            time.sleep(0.01)

    def wait_for_numbers(self, wanted, follower):
        wanted = set(wanted)
        missing = []

        def all_there():
            missing[:] = sorted(wanted - set(self.numbers()))
            return not missing

        try:
            self.wait_for(all_there, follower, "numbers")
        except AssertionError as e:
            status = self.run_tool("status", "--output", "json").stdout.decode()
            raise AssertionError(f"missing {missing[:20]} ({len(missing)}): {status}") from e

    def check_numbers(self, must, may=(), hint=""):
        """Each of must is there once, each of may at most once, and nothing else."""
        found = self.numbers()
        twice = sorted(n for n, times in found.items() if times > 1)
        lost = sorted(set(must) - set(found))
        strange = sorted(set(found) - set(must) - set(may))
        self.assertEqual((lost, twice, strange), ([], [], []), f"(lost, twice, strange) {hint}")


def append(path, data):
    with open(path, "ab", buffering=0) as f:
        f.write(data)


def lines(numbers):
    return b"".join(map(failing, numbers))


def inode(path):
    return os.stat(path).st_ino


def as_path(path):
    return pathlib.Path(path)
