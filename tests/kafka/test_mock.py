"""test_mock.py - faults that a real broker doesn't give on demand, from librdkafka's mock cluster."""
import subprocess
import unittest

from group import CLIENT, Case, until

FETCH, LIST_OFFSETS, OFFSET_COMMIT, OFFSET_FETCH = 1, 2, 8, 9
JOIN_GROUP, HEARTBEAT, SYNC_GROUP = 11, 12, 14
NOT_LEADER, REQUEST_TIMED_OUT, COORDINATOR_LOADING, NOT_COORDINATOR = 6, 7, 14, 16


class Mock:
    def __init__(self, brokers):
        self.process = subprocess.Popen([CLIENT, str(brokers), "mock"], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.address = self.process.stdout.readline().strip()

    def ask(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline() == "ok\n"

    def tell(self, line):
        assert self.ask(line), line

    def create_topic(self, topic, partitions=1):
        self.tell(f"topic {topic} {partitions}")

    def end(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Faults(Case):
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

    def test_it_may_be_stopped_before_the_group_gives_it_anything(self):
        self.broker.tell(f"coordinator {self.topic} 1")
        self.broker.tell(f"delay 1 {SYNC_GROUP} 60000")
        c = self.consumer(properties={"session.timeout.ms": "6000"}).start()
        until(lambda: self.broker.ask(f"delayed 1 {SYNC_GROUP}"), "it to ask for its partitions", [c])
        self.assertEqual(c.stop(), {"streams": []})
        self.assertEqual(c.said(), "")

    def test_slow_brokers_are_only_slow(self):
        for broker in (1, 2, 3):
            self.broker.tell(f"rtt {broker} 150")
        self.finish(self.begin())


if __name__ == "__main__":
    unittest.main()
