"""The sample incident: the ledger, the verdict in JSON and for the eye, and that it can be remade."""
import hashlib
import json
import shutil
import subprocess
import sys
import unittest
from datetime import datetime

from test_docs import SHOWN, shape
from tool import INCIDENT, Case

TRUTH = json.loads((INCIDENT / "truth.json").read_text())


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Incident(Case):

    def setUp(self):
        super().setUp()
        self.now = ["--now", TRUTH["now"]]
        self.read = self.json("ingest", *(f"{name}={INCIDENT}/{name}/*" for name in TRUTH["streams"]),
                              *self.now)
        self.ok("deploy", "add", TRUTH["deploy"]["name"], "--at", TRUTH["deploy"]["at"])

    def test_every_failure_is_found_and_nothing_else(self):
        got = {s["stream"]: {"lines": s["lines"], "events": s["events"]}
               for s in self.read["streams"]}
        self.assertEqual(got, TRUTH["streams"])

    def test_the_kinds_of_failure(self):
        for want in TRUTH["order"]:
            answer = self.json("groups", "--by", "class,reason,leg,rejected_by", "--stream",
                               want["stream"], "--since", TRUTH["deploy"]["at"], *self.now)
            top = answer["groups"][0]
            self.assertEqual([top[k] for k in ("class", "reason", "leg", "rejected_by")],
                             [want[k] for k in ("class", "reason", "leg", "rejected_by")])

    def test_the_verdict(self):
        answer = self.json("first-spike", *self.now)
        self.assertEqual([row["stream"] for row in answer["order"]],
                         [row["stream"] for row in TRUTH["order"]])
        for got, want in zip(answer["order"], TRUTH["order"]):
            self.assertEqual((got["class"], got["reason"]), (want["class"], want["reason"]))
            self.assertLessEqual(seconds(got["earliest"]) - 0.001, seconds(want["onset"]), got)
            self.assertGreaterEqual(seconds(got["latest"]) + 0.001, seconds(want["onset"]), got)
            self.assertLess(got["p_value"], 1e-6)
        first = answer["first"]
        self.assertEqual((first["stream"], first["leg"], first["rejected_by"]),
                         ("mesh", "upstream", "local"))
        self.assertEqual(first["hosts"][0]["host"], "payments.shop.svc.cluster.local")
        self.assertEqual(answer["quiet"], [])
        shown = SHOWN["first-spike"]
        self.assertEqual(list(answer), list(shown))
        for key in ("first", "order", "deploy", "new"):
            self.assertEqual(shape(answer[key]), shape(shown[key]), "docs/json.md")

    def test_the_verdict_for_the_eye(self):
        text = self.ok("first-spike", *self.now, "--output", "table")
        lines = text.splitlines()
        self.assertTrue(lines[0].startswith("mesh broke first, on 2026-04-18 at 04:11:5"), lines[0])
        for words in ("certificate/unknown_ca", "upstream leg", "this hop refused",
                      "payments.shop.svc.cluster.local", "mesh-policy-42", "means", "look at",
                      "fix at", "1. ", "2. ", "3. "):
            self.assertIn(words, text)
        at = [text.index(f"{row['stream']} ") for row in TRUTH["order"][1:]]
        self.assertEqual(at, sorted(at))

    def test_the_quiet_of_the_night_is_no_incident(self):
        answer = self.json("first-spike", "--until", "2026-04-18T04:11:00Z", *self.now, status=1)
        self.assertIsNone(answer["first"])
        self.assertEqual({row["stream"] for row in answer["quiet"]}, set(TRUTH["streams"]))
        text = self.ok("first-spike", "--until", "04:11", *self.now, "--output", "table", status=1)
        self.assertIn("nothing began", text)

    def test_again_it_reads_nothing_twice(self):
        answer = self.json("ingest", *(f"{name}={INCIDENT}/{name}/*" for name in TRUTH["streams"]),
                           *self.now)
        self.assertEqual({s["lines"] for s in answer["streams"]}, {0})


class Generator(Case):
    def test_it_writes_the_same_logs_again(self):
        shutil.copy(INCIDENT / "generate.py", self.dir)
        subprocess.run([sys.executable, "generate.py"], cwd=self.dir, check=True)
        for name in TRUTH["streams"]:
            for path in sorted((INCIDENT / name).iterdir()):
                if path.suffix == ".gz":
                    continue  # zlib's versions may pack differently
                again = self.dir / name / path.name
                self.assertEqual(hashlib.sha256(again.read_bytes()).digest(),
                                 hashlib.sha256(path.read_bytes()).digest(), path)
        self.assertEqual(json.loads((self.dir / "truth.json").read_text()), TRUTH)


if __name__ == "__main__":
    unittest.main()
