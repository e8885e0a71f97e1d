"""group.py - what the tests of this folder share: one broker a file, consumers, and their ledgers."""
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from broker import Broker  # noqa: E402

BINARY = os.environ["TLSTRAIL"]
CLIENT = os.environ["KAFKA_CLIENT"]
WAIT_S = 120

# Short, so that a killed consumer's place is free soon; the broker allows it (broker.py).
QUICK = {"session.timeout.ms": "2000", "heartbeat.interval.ms": "300"}


def failure(number):
    """A failed handshake whose host is its number."""
    return (f"2026/04/18 04:12:02 [error] 29#29: *{number} SSL_do_handshake() failed (SSL: "
            "error:0A000418:SSL routines::tlsv1 alert unknown ca:SSL alert number 48) while SSL "
            "handshaking to upstream, client: 192.0.2.9, server: shop.example.com, upstream: "
            f'"https://198.51.100.19:8443/pay", host: "n{number}.example.com"').encode()


OTHER = b"2026/04/18 04:12:03 [notice] 29#29: signal process started"


def until(condition, what, consumers=()):
    """The first true answer of condition()."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.1)
    said = "".join(f"\n{c.folder.name}: {c.said()}" for c in consumers)
    raise AssertionError(f"waited {WAIT_S} s for: {what}{said}")


def yaml_of(brokers, group, topics, **more):
    properties = {**QUICK, **more.pop("properties", {})}
    lines = ["kafka:", f"  - brokers: {brokers}", f"    group: {group}",
             f"    topics: {json.dumps(topics)}"]
    lines += [f"    {key}: {json.dumps(value)}" for key, value in more.items()]
    lines.append("    properties:")
    lines += [f'      - {{name: {k}, value: "{v}"}}' for k, v in properties.items()]
    return "\n".join(lines) + "\n"


class Consumer:
    """A `tlstrail follow` with a store of its own."""

    def __init__(self, folder, name, config):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.config = self.folder / "follow.yaml"
        self.config.write_text(config)
        self.store = self.folder / "store"
        self.process = None

    def start(self):
        with open(self.folder / "stderr", "ab") as err, open(self.folder / "stdout", "wb") as out:
            self.process = subprocess.Popen(
                [BINARY, "follow", "--config", str(self.config), "--store", str(self.store)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=err, restore_signals=False)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process = None

    def stop(self):
        """Ends it by SIGTERM; gives its ledger."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(WAIT_S)
        self.process = None
        if status == -signal.SIGTERM:
            return {"streams": []}  # it had not begun yet
        if status != 0:
            raise AssertionError(f"status {status}: {self.said()}")
        return json.loads((self.folder / "stdout").read_text())

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def said(self):
        return (self.folder / "stderr").read_text()

    def ask(self, *args):
        done = subprocess.run([BINARY, *args, "--store", str(self.store)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else ""

    def hosts(self):
        """The host of every event in the store, in any order."""
        rows = self.ask("events", "--output", "ndjson")
        return [json.loads(line)["host"] for line in rows.splitlines()]

    def status(self):
        text = self.ask("status", "--output", "json")
        return json.loads(text) if text else {"streams": []}

    def count(self, key="lines"):
        return sum(s[key] for s in self.status()["streams"])

    def stream(self, name):
        return next((s for s in self.status()["streams"] if s["stream"] == name), None)

    def quarantine(self, stream):
        """The quarantined records of a stream; no command shows them."""
        path = self.store / "streams" / f"{stream}.db"
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute("SELECT * FROM quarantine")]

    def partitions(self):
        """The newest detail of each partition's cursors, by "topic/partition"."""
        best = {}
        for s in self.status()["streams"]:
            for c in s["cursors"]:
                d = c["detail"]
                key = f"{d['topic']}/{d['partition']}"
                if key not in best or d["at_ms"] >= best[key]["at_ms"]:
                    best[key] = d
        return best


class Case(unittest.TestCase):
    """Consumers of self.broker, which a subclass has; a topic of its own for each test."""

    @classmethod
    def setUpClass(cls):
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="tlstrail-kafka-"))
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)

    def setUp(self):
        self.topic = self.id().rsplit(".", 1)[1].replace("_", "-")[:80]
        self.consumers = []
        self.addCleanup(self.end)

    def end(self):
        for c in self.consumers:
            c.end()

    def make_topic(self, partitions=1, topic=None, **settings):
        self.broker.create_topic(topic or self.topic, partitions, **settings)

    def send(self, *records, topic=None):
        """records: (partition, stream header or "-", bytes or None)."""
        frames = []
        for partition, stream, value in records:
            n = -1 if value is None else len(value)
            frames.append(f"{topic or self.topic} {partition} {stream} {n}\n".encode() + (value or b""))
        subprocess.run([CLIENT, self.broker.address, "send"], input=b"".join(frames), check=True)

    def send_numbers(self, first, n, partitions=1):
        self.send(*((i % partitions, "-", failure(i)) for i in range(first, first + n)))

    def consumer(self, name="one", **more):
        more.setdefault("stream", "edge")
        config = yaml_of(more.pop("brokers", self.broker.address), more.pop("group", self.topic),
                         more.pop("topics", [self.topic]), **more)
        folder = self.dir / self.topic
        folder.mkdir(exist_ok=True)
        c = Consumer(folder, name, config)
        self.consumers.append(c)
        return c

    def ledger(self, consumers, n):
        """Every number of range(n) is there once, over the union of the stores."""
        seen = {}
        for c in consumers:
            for host in c.hosts():
                seen[host] = seen.get(host, 0) + 1
        lost = [i for i in range(n) if f"n{i}.example.com" not in seen]
        twice = sorted(h for h, times in seen.items() if times > 1)
        self.assertEqual((len(lost), len(twice)), (0, 0),
                         f"lost {lost[:10]} twice {twice[:10]}\n" +
                         "\n".join(f"{c.said()}{c.partitions()}" for c in consumers))
        self.assertEqual(len(seen), n)
        for c in consumers:
            for s in c.status()["streams"]:
                self.assertTrue(s["closed"], s)


class BrokerCase(Case):
    """One broker for all tests of the class, up again at the start of each."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.secure = cls.secured()
        cls.broker = Broker(cls.dir / "broker", cls.secure)
        cls.addClassCleanup(cls.broker.remove)

    @classmethod
    def secured(cls):
        """secure.py's, where the tests want more than a plain listener."""

    def setUp(self):
        super().setUp()
        self.broker.start()
        self.ended = threading.Event()

    def writer(self, n, batch, partitions):
        """A thread that sends range(n) bit by bit, and no more once the test is over."""
        def write():
            for first in range(0, n, batch):
                if self.ended.wait(0.1):
                    break
                self.send_numbers(first, batch, partitions)
        thread = threading.Thread(target=write)
        self.addCleanup(thread.join)
        self.addCleanup(self.ended.set)
        thread.start()
        return thread
