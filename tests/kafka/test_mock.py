"""test_mock.py - faults that a real broker doesn't give on demand, from librdkafka's mock cluster."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from group import CLIENT, Case, until

FETCH, LIST_OFFSETS, OFFSET_COMMIT, OFFSET_FETCH, JOIN_GROUP, HEARTBEAT = 1, 2, 8, 9, 11, 12
NOT_LEADER, REQUEST_TIMED_OUT, COORDINATOR_LOADING, NOT_COORDINATOR = 6, 7, 14, 16


class Mock:
    def __init__(self, brokers):
        self.process = subprocess.Popen([CLIENT, str(brokers), "mock"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.address = self.process.stdout.readline().strip()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "ok\n", line

    def create_topic(self, topic, partitions=1):
        self.tell(f"topic {topic} {partitions}")

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Faults(Case):
    @classmethod
    def setUpClass(cls):
        cls.dir = pathlib.Path(tempfile.mkdtemp(prefix="tlstrail-kafka-"))
        cls.addClassCleanup(shutil.rmtree, cls.dir, ignore_errors=True)

    def setUp(self):
        super().setUp()
        self.broker = Mock(3)
        self.addCleanup(self.broker.end)
        self.make_topic(2)
        self.sent = 0

    def more(self, c, n=100):
        self.send_numbers(self.sent, n, 2)
        self.sent += n
        until(lambda: c.count() >= self.sent, f"{self.sent} records", [c])

    def begin(self):
        # the mock's first rebalance takes 3 s, and its members may die of it
        c = self.consumer(properties={"session.timeout.ms": "6000"}).start()
        self.more(c)
        return c

    def finish(self, c):
        c.stop()
        self.ledger([c], self.sent)

    def test_requests_that_fail_are_made_again(self):
        c = self.begin()
        for api, errors in ((FETCH, (NOT_LEADER, REQUEST_TIMED_OUT)),
                            (OFFSET_COMMIT, (COORDINATOR_LOADING, NOT_COORDINATOR)),
                            (HEARTBEAT, (NOT_COORDINATOR,))):
            for error in errors:
                self.broker.tell(f"fail {api} {error} 2")
                self.more(c)
        self.finish(c)

    def test_questions_at_the_start_are_asked_again(self):
        for api in (LIST_OFFSETS, OFFSET_FETCH, JOIN_GROUP):
            self.broker.tell(f"fail {api} {COORDINATOR_LOADING} 2")
        self.finish(self.begin())

    def test_leaders_and_coordinators_may_move(self):
        c = self.begin()
        for broker in (2, 3, 1):
            self.broker.tell(f"leader {self.topic} 0 {broker}")
            self.more(c)
            self.broker.tell(f"coordinator {self.topic} {broker}")
            self.more(c)
        self.finish(c)

    def test_slow_brokers_are_only_slow(self):
        for broker in (1, 2, 3):
            self.broker.tell(f"rtt {broker} 150")
        self.finish(self.begin())


if __name__ == "__main__":
    unittest.main()
