"""test_follow.py - one consumer and a real broker: catching up, the live end, kills, restarts."""
import random
import sys
import time
import unittest

from group import BrokerCase, failure, until


class Follow(BrokerCase):
    def test_catches_up_and_then_follows_the_live_end(self):
        self.make_topic(3)
        self.send_numbers(0, 3000, partitions=3)
        c = self.consumer().start()
        until(lambda: c.count() == 3000, "3000 records")
        for i in range(3000, 3006):
            self.send((i % 3, "-", failure(i)))
        until(lambda: c.count() == 3006, "6 more")
        self.assertEqual(c.stop()["streams"][0]["events"], 3006)
        rows = {(r["topic"], r["partition"]): r for r in c.status()["partitions"]}
        self.assertEqual(len(rows), 3)
        for i in range(3):
            row = rows[self.topic, i]
            self.assertEqual((row["position"], row["end"], row["lag"], row["gaps"]),
                             (1002, row["position"], 0, 0), row)
        self.assertIn("records/s", c.ask("status", "--output", "table"))
        self.ledger([c], 3006)

    def test_killed_again_and_again_it_loses_nothing_and_stores_nothing_twice(self):
        n = 6000
        self.make_topic(3)
        writer = self.writer(n, 300, 3)
        c, rng, kills = self.consumer(properties={"session.timeout.ms": "1000"}), random.Random(4), 0
        while writer.is_alive() or kills < 6:
            had = c.count()
            c.start()
            until(lambda: c.count() > had or not writer.is_alive(), "progress")
            time.sleep(rng.random() * 0.3)
            c.kill()
            kills += 1
        writer.join()
        c.start()
        until(lambda: c.count() >= n, "the rest")
        c.stop()
        self.ledger([c], n)
        replays = sum(d["replayed"] for d in c.partitions().values())
        print(f"kill -9 {kills} times: {n} records, lost 0, twice 0, replays {replays}",
              file=sys.stderr)
        self.assertGreater(replays, 0)

    def test_a_broker_that_stops_and_comes_back_is_waited_for(self):
        self.make_topic(2)
        self.send_numbers(0, 500, partitions=2)
        c = self.consumer().start()
        until(lambda: c.count() == 500, "500 records")
        for turn, how in ((1, self.broker.stop), (2, self.broker.kill)):
            how()
            until(lambda: c.said().count("no broker") == turn, "a word of it", [c])
            self.assertEqual(len(c.said().splitlines()), 2 * turn - 1, c.said())
            self.broker.start()
            self.send_numbers(turn * 500, 500, partitions=2)
            until(lambda: c.count() == (turn + 1) * 500, "500 more", [c])
            until(lambda: c.said().count("answers again") == turn, "a word of that", [c])
        c.stop()
        self.ledger([c], 1500)

    def test_a_group_that_was_set_back_gets_nothing_twice(self):
        self.make_topic(2)
        self.send_numbers(0, 2000, partitions=2)
        c = self.consumer().start()
        until(lambda: c.count() == 2000, "2000 records")
        c.stop()
        self.broker.admin("rewind", self.topic, self.topic, 2)
        self.send_numbers(2000, 10, partitions=2)
        c.start()
        until(lambda: c.count() == 2010, "10 more")
        c.stop()
        self.ledger([c], 2010)
        self.broker.admin("forget", self.topic)
        self.send_numbers(2010, 10, partitions=2)
        c.start()
        until(lambda: c.count() == 2020, "10 more without the group's offsets")
        c.stop()
        self.ledger([c], 2020)


if __name__ == "__main__":
    unittest.main()
