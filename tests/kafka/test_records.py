"""test_records.py - what records may be: of many streams, in shippers' shapes, poison; and gaps."""
import json
import resource
import sys
import time
import unittest

from group import BrokerCase, failure, until

LINE = failure(1).decode()
KUBERNETES = {"pod_name": "ingress-1", "labels": {"app": "ingress"}}
SHAPES = {
    "filebeat": {"@timestamp": "2026-04-18T04:12:02.123Z", "message": LINE,
                 "log": {"offset": 5, "file": {"path": "/var/log/containers/x.log"}},
                 "kubernetes": {"pod": {"name": "ingress-1"}, "labels": {"app": "ingress"}}},
    "fluentbit": {"@timestamp": 1776485522.123, "log": LINE + "\n", "stream": "stderr",
                  "kubernetes": KUBERNETES},
    "vector": {"timestamp": "2026-04-18T04:12:02.123Z", "message": LINE, "kubernetes": KUBERNETES,
               "source_type": "kubernetes_logs"},
    "otel": {"resourceLogs": [{
        "resource": {"attributes": [{"key": "k8s.pod.labels.app", "value": {"stringValue": "ingress"}}]},
        "scopeLogs": [{"logRecords": [
            {"timeUnixNano": "1776485522123000000", "body": {"stringValue": LINE}}]}]}]},
}


class Records(BrokerCase):
    def test_one_partition_holds_records_of_several_streams(self):
        self.make_topic(1)
        c = self.consumer(stream_header="stream", stream_field="kubernetes.labels.app")
        names = ["edge", "lb", "Mesh Sidecar!", "-"]
        self.send(*((0, names[i % 4].replace(" ", "_"), failure(i)) for i in range(400)),
                  (0, "-", json.dumps({"message": LINE, "kubernetes": KUBERNETES}).encode()))
        c.start()
        until(lambda: c.count() == 401, "401 records", [c])
        c.kill()  # each stream has its own cursor: none is drawn back by another
        self.send((0, "lb", failure(400)))
        c.start()
        until(lambda: c.count() >= 402, "one more", [c])
        c.stop()
        got = {s["stream"]: s["lines"] for s in c.status()["streams"]}
        self.assertEqual(got, {"edge": 200, "lb": 101, "mesh_sidecar-": 100, "ingress": 1})

    def test_shippers_shapes_give_the_line_and_keep_the_labels(self):
        self.make_topic(1)
        c = self.consumer()
        self.send(*((0, name, json.dumps(shape).encode()) for name, shape in SHAPES.items()))
        c.start()
        until(lambda: c.count() >= len(SHAPES), "the shapes", [c])
        c.stop()
        rows = [json.loads(row) for row in c.ask("events", "--output", "ndjson").splitlines()]
        self.assertEqual(len(rows), len(SHAPES))
        for row in rows:
            self.assertEqual((row["reason"], row["host"], row["time"]),
                             ("unknown_ca", "n1.example.com", "2026-04-18T04:12:02.123Z"), row)
            self.assertIn("ingress", row["raw"])

    def test_poison_is_quarantined_with_its_place_and_counted(self):
        self.make_topic(1, max_message_bytes=64 << 20)
        c = self.consumer()
        poison = {1: None, 2: b"", 3: bytes(range(256)) * 8, 4: b"x" * (50 << 20),
                  5: b'{"a":' * 100000}
        self.send((0, "-", failure(0)), *((0, "-", value) for value in poison.values()),
                  (0, "-", b"\xff\xfe plain, if odd"), (0, "-", failure(7)))
        c.start()
        until(lambda: c.count() >= 8, "8 records", [c])
        c.kill()
        c.start()
        self.send((0, "-", failure(8)))
        until(lambda: c.count() >= 9, "one more", [c])
        c.stop()
        edge = c.stream("edge")
        self.assertEqual((edge["lines"], edge["events"], edge["quarantined"], edge["closed"]),
                         (9, 3, 5, True))
        self.assertEqual({q["position"] for q in c.quarantine("edge")}, set(poison))

    def test_a_topic_made_anew_is_a_gap_and_read_from_its_start(self):
        self.make_topic(1)
        self.send_numbers(0, 50)
        c = self.consumer().start()
        until(lambda: c.count() == 50, "50 records", [c])
        c.stop()
        self.make_anew()
        self.send_numbers(50, 80)
        c.start()
        until(lambda: c.count() == 130, "80 of the new topic", [c])
        c.stop()
        self.ledger([c], 130)
        self.assertIn("gap", c.said())
        self.assertEqual(list(c.partitions().values())[0]["gaps"], 1)

    def make_anew(self):
        self.broker.admin("delete", self.topic)
        log = self.broker.folder / "data" / f"{self.topic}-0"  # Kafka gives it to the new topic
        until(lambda: not log.exists(), "the old log to go")   # where it is still there
        self.make_topic(1)

    def test_a_topic_made_anew_under_a_running_follower(self):
        self.make_topic(1)
        c = self.consumer().start()
        n = 0
        for turn, more in enumerate((50, 30, 80, 200)):  # shorter and longer than the log before
            if turn:
                self.make_anew()
            self.send_numbers(n, more)
            n += more
            until(lambda: c.count() == n, f"{more} of the new topic", [c])
        c.stop()
        self.ledger([c], n)
        self.assertEqual(c.said().count("gap"), 3, c.said())
        self.assertEqual(list(c.partitions().values())[0]["gaps"], 3)

    def test_records_that_the_broker_deleted_unread_are_a_gap(self):
        self.make_topic(1)
        self.send_numbers(0, 50)
        c = self.consumer().start()
        until(lambda: c.count() == 50, "50 records", [c])
        c.stop()
        self.send_numbers(50, 30)
        self.broker.admin("cut", self.topic, 0, 70)
        c.start()
        until(lambda: c.count() == 60, "the 10 that are left", [c])
        c.stop()
        self.assertIn("gap: offsets 50 to 69", c.said())
        detail = list(c.partitions().values())[0]
        self.assertEqual((detail["gaps"], detail["gap"]), (1, [50, 70]))

    def test_start_says_where_a_new_group_begins(self):
        self.make_topic(1)
        self.send_numbers(0, 10)
        c = self.consumer(start="end").start()
        until(lambda: c.process.poll() is None and self.members(self.topic), "a member", [c])
        self.send_numbers(10, 5)
        until(lambda: c.count() == 5, "5 records", [c])
        c.stop()
        c = self.consumer("two", group=self.topic + "-2", start="2026-01-01T00:00:00Z").start()
        until(lambda: c.count() == 15, "15 records", [c])
        c.stop()

    def members(self, group):
        return int(self.broker.admin("members", group)) > 0

    def test_a_full_store_pauses_and_goes_on_by_itself(self):
        self.make_topic(2)
        c = self.consumer(properties={"max.poll.interval.ms": "2000", "session.timeout.ms": "2000"})
        c.start()
        self.send_numbers(0, 100, 2)
        until(lambda: c.count() == 100, "100 records", [c])
        resource.prlimit(c.process.pid, resource.RLIMIT_FSIZE, (8192, resource.RLIM_INFINITY))
        self.send_numbers(100, 6000, 2)
        until(lambda: "waiting, nothing is lost" in c.said(), "a word of it", [c])
        time.sleep(3)  # longer than a consumer may be silent
        self.assertTrue(self.members(self.topic))
        resource.prlimit(c.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        until(lambda: c.count() == 6100, "the rest", [c])
        c.stop()
        self.ledger([c], 6100)


if __name__ == "__main__":
    unittest.main()
