"""test_group.py - several consumers of one group, each with its own store: nothing is lost and nothing
is there twice over the union of the stores, whoever joins, leaves or dies."""
import os
import random
import signal
import sys
import time
import unittest

from group import BrokerCase, until


class Group(BrokerCase):
    def all_there(self, consumers, n):
        until(lambda: sum(c.count() for c in consumers) >= n, f"{n} records", consumers)
        for c in consumers:
            if c.process:
                c.stop()
        self.ledger(consumers, n)

    def test_consumers_that_join_and_leave_share_without_loss(self):
        n, rng = 5000, random.Random(7)
        self.make_topic(6)
        consumers = [self.consumer(name) for name in ("one", "two", "three")]
        writer = self.writer(n, 250, 6)
        consumers[0].start()
        turns = 0
        while writer.is_alive():
            c = consumers[rng.randrange(3)]
            if c.process:
                c.stop()
            else:
                c.start()
            turns += 1
            time.sleep(rng.random())
        writer.join()
        for c in consumers:
            if not c.process:
                c.start()
        self.all_there(consumers, n)
        print(f"{turns} joins and leaves, of {n} records each store has "
              f"{[c.count() for c in consumers]}", file=sys.stderr)

    def test_consumers_that_are_killed_get_their_claims_back(self):
        n, rng = 4000, random.Random(9)
        self.make_topic(4)
        consumers = [self.consumer(name) for name in ("one", "two")]
        writer = self.writer(n, 200, 4)
        for c in consumers:
            c.start()
        kills = 0
        while writer.is_alive():
            c = consumers[rng.randrange(2)]
            had = sum(o.count() for o in consumers)
            until(lambda: sum(o.count() for o in consumers) > had or not writer.is_alive(),
                  "progress", consumers)
            c.kill()
            kills += 1
            time.sleep(rng.random() * 3)
            c.start()
        writer.join()
        self.all_there(consumers, n)
        replays = sum(d["replayed"] for c in consumers for d in c.partitions().values())
        print(f"kill -9 {kills} times, of {n} records each store has "
              f"{[c.count() for c in consumers]}, replays {replays}", file=sys.stderr)

    def test_a_consumer_that_hung_and_was_thrown_out_stores_only_its_claims(self):
        self.make_topic(4)
        consumers = [self.consumer(name).start() for name in ("one", "two")]
        self.send_numbers(0, 1000, 4)
        until(lambda: sum(c.count() for c in consumers) == 1000, "1000 records", consumers)
        os.kill(consumers[0].process.pid, signal.SIGSTOP)
        had = consumers[1].count()
        self.send_numbers(1000, 1000, 4)
        until(lambda: consumers[1].count() > had + 900, "the other to take over", consumers)
        os.kill(consumers[0].process.pid, signal.SIGCONT)
        self.send_numbers(2000, 1000, 4)
        self.all_there(consumers, 3000)


if __name__ == "__main__":
    unittest.main()
