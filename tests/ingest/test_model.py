"""The tailer against a model: a random sequence of what loggers, logrotate and operators do to log
files, and of kills, must leave each line in the store once. What a sequence itself destroys before
it can have been read is the only thing that may be missing.

MODEL_SEEDS=FIRST-LAST runs other seeds than the usual ones; MODEL_TRACE=1 prints each step."""
import concurrent.futures
import gzip
import os
import random
import shutil
import subprocess
import unittest

from ingest.follower import NumbersCase, failing, harmless

STEPS = 30
SEEDS = range(1, 17)


class Sequence:
    """One sequence on DIR/app.log; a rotated file is app.log.N, app.log.N.gz or app.log.N.zst."""

    def __init__(self, case, seed):
        self.case = case
        self.random = random.Random(seed)
        self.trace = []
        self.dir = case.dir / f"logs-{seed}"
        self.dir.mkdir()
        self.live = self.dir / "app.log"
        self.fd = -1
        self.number = 0
        self.half = b""      # the rest of a line whose beginning is written
        self.must, self.may = set(), set()
        self.safe = set()    # are in the store, as of the last wait
        self.held = {}       # path: the numbers that the file there holds
        self.old = {}        # path: is it a rotated file that nobody writes
        self.total = 0       # lines of any kind
        self.reopen()
        self.follower = case.follower(self.dir / "app.log*")

    def note(self, *words):
        self.trace.append(" ".join(map(str, words)))
        if os.environ.get("MODEL_TRACE"):
            print(self.trace[-1], flush=True)

    # ---- the logger ----

    def reopen(self):
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = os.open(self.live, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self.held.setdefault(self.live, [])

    def make_lines(self, count):
        data, numbers = self.half, []
        if self.half:
            numbers.append(self.number)
            self.half = b""
        for _ in range(count):
            if self.random.random() < 0.3:
                self.total += 1
                data += harmless(self.number)
            self.number += 1
            self.total += 1
            numbers.append(self.number)
            data += failing(self.number)
        return data, numbers

    def put(self, data):
        while data:
            n = self.random.choice([1, 40, 200, 4096, 1 << 20])
            data = data[os.write(self.fd, data[:n]):]

    def write(self, path=None):
        count = self.random.choice([1, 1, 2, 3, 10, 200, 3000])
        data, numbers = self.make_lines(count)
        self.must.update(numbers)
        self.held[path or self.live].extend(numbers)
        self.note("write", count, "to", (path or self.live).name, numbers[0], numbers[-1])
        self.put(data)

    def write_half(self):
        if self.half:
            return
        self.number += 1
        self.total += 1
        line = failing(self.number)
        cut = self.random.randrange(1, len(line))
        self.half = line[cut:]
        self.note("half a line", self.number)
        self.put(line[:cut])

    def finish_half(self):
        if self.half:
            data, numbers = self.make_lines(0)
            self.must.update(numbers)
            self.held[self.live].extend(numbers)
            self.put(data)

    # ---- logrotate ----

    def destroyed(self, numbers):
        """These may have gone before they were read."""
        gone = set(numbers) - self.safe
        self.may |= gone & self.must
        self.must -= gone

    def make_room(self):
        """Moves app.log.N up to app.log.N+1; the oldest goes."""
        rotated = [p for p in self.held if p != self.live]
        for path in sorted(rotated, key=lambda p: -int(p.name.split(".")[2])):
            parts = path.name.split(".")
            if int(parts[2]) >= 4:
                self.note("delete", path.name)
                self.destroyed(self.held.pop(path))
                path.unlink()
                continue
            parts[2] = str(int(parts[2]) + 1)
            to = self.dir / ".".join(parts)
            os.rename(path, to)
            self.held[to] = self.held.pop(path)

    def rotate(self):
        self.finish_half()
        self.make_room()
        to = self.dir / "app.log.1"
        self.note("rename")
        os.rename(self.live, to)
        self.held[to] = self.held.pop(self.live)
        if self.random.random() < 0.5:
            self.write(to)  # the logger still has the old file
        self.pause()
        self.reopen()

    def copytruncate(self):
        self.finish_half()
        self.make_room()
        to = self.dir / "app.log.1"
        self.note("copytruncate")
        with open(self.live, "rb") as source, open(to, "wb", buffering=0) as copy:
            while data := source.read(self.random.choice([100, 10000, 1 << 20])):
                copy.write(data)
        self.pause()
        os.truncate(self.live, 0)
        self.held[to] = self.held[self.live]
        self.held[self.live] = []

    def truncate(self):
        self.finish_half()
        self.note("truncate")
        os.truncate(self.live, 0)
        self.destroyed(self.held[self.live])
        self.held[self.live] = []

    def replace(self):
        """Another file is moved over the log, as an editor or a deployment does."""
        self.finish_half()
        self.note("replace")
        data, numbers = self.make_lines(self.random.choice([0, 1, 5, 500]))
        new = self.dir / "new"
        new.write_bytes(data)
        self.destroyed(self.held[self.live])
        os.replace(new, self.live)
        self.must.update(numbers)
        self.held[self.live] = numbers
        self.reopen()

    def remove(self):
        """The next file often gets the same inode."""
        self.finish_half()
        self.note("remove")
        os.close(self.fd)
        self.fd = -1
        self.live.unlink()
        self.destroyed(self.held.pop(self.live))
        self.pause()
        self.reopen()

    def pack(self):
        """As gzip and zstd do: written beside the original, which goes once it's complete."""
        plain = [p for p in self.held if p != self.live and p.name.count(".") == 2]
        if not plain:
            return
        path = self.random.choice(plain)
        if self.random.random() < 0.5:
            to = path.with_name(path.name + ".gz")
            packed = gzip.compress(path.read_bytes(), 1)
        else:
            to = path.with_name(path.name + ".zst")
            packed = subprocess.run(["zstd", "-qc", "-1", path], check=True,
                                    stdout=subprocess.PIPE).stdout
        self.note("pack", to.name)
        cut = self.random.randrange(len(packed) + 1)
        with open(to, "wb", buffering=0) as f:
            f.write(packed[:cut])
            self.pause()
            f.write(packed[cut:])
        stat = path.stat()
        os.utime(to, (stat.st_atime - 100, stat.st_mtime - 100))
        self.pause()
        path.unlink()
        self.held[to] = self.held.pop(path)

    def copy_beside(self):
        """Somebody looks at a copy and removes it."""
        self.note("copy beside")
        copy = self.dir / "app.log.save"
        shutil.copyfile(self.live, copy)
        self.pause()
        copy.unlink()

    # ---- the follower ----

    def pause(self):
        """Sometimes lets the follower have a look at what is half done."""
        if self.random.random() < 0.3 and self.follower.process:
            self.case.run_tool("status")

    def start(self):
        if not self.follower.process:
            self.note("start")
            self.follower.start()

    def kill(self):
        if self.follower.process:
            self.note("kill")
            self.follower.kill()

    def stop(self):
        if self.follower.process:
            self.note("stop")
            self.follower.stop()

    def wait(self):
        """Until all that is there is read."""
        self.start()
        self.note("wait")
        self.case.wait_for_numbers(self.must, self.follower)
        self.safe = set(self.must)

    def run(self):
        steps = {self.write: 10, self.write_half: 2, self.rotate: 3, self.copytruncate: 3,
                 self.truncate: 1, self.replace: 1, self.remove: 1, self.pack: 3,
                 self.copy_beside: 1, self.kill: 3, self.stop: 1, self.start: 5, self.wait: 4}
        for step in self.random.choices(list(steps), list(steps.values()), k=STEPS):
            step()
        self.finish_half()
        self.write()
        self.wait()
        said = self.follower.stop()
        os.close(self.fd)
        ledger = self.case.ledger()
        self.case.check_numbers(self.must, self.may)
        self.case.assertLessEqual(said["lines"], ledger["lines"])
        self.case.assertNotIn("Sanitizer", self.follower.text())
        if not self.may:
            self.case.assertEqual(ledger["lines"], self.total)


def seeds():
    first, _, last = os.environ.get("MODEL_SEEDS", "").partition("-")
    return range(int(first), int(last or first) + 1) if first else SEEDS


class OneSequence(NumbersCase):
    seed = 0

    def runTest(self):
        sequence = Sequence(self, self.seed)
        try:
            sequence.run()
        except AssertionError as e:
            tail = "\n  ".join(sequence.trace)
            raise AssertionError(f"seed {self.seed}: {e}\n  {tail}\n{sequence.follower.text()}"
                                 ) from e


class Model(unittest.TestCase):
    def test_each_line_is_stored_once_whatever_happens_to_the_files(self):
        failed = []
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for result in pool.map(self.one, seeds()):
                failed += [text for _, text in result.failures + result.errors]
        self.assertEqual(failed, [], "\n".join(failed))

    def one(self, seed):
        case = OneSequence()
        case.seed = seed
        result = unittest.TestResult()
        case.run(result)
        return result


if __name__ == "__main__":
    unittest.main(defaultTest="Model")
