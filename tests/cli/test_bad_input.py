"""Bad input of every kind: one line on stderr that says what, where and what to do; nothing lost."""
import gzip
import os
import subprocess
import time
import unittest

from tool import BINARY, HAPROXY, NOW, OTHER, Case


class Sources(Case):
    def test_a_stream_name_that_is_not_one(self):
        path = self.file("a.log", HAPROXY + "\n")
        for name in ("Edge", "../edge", "", "_x", "a b", "a" * 65, ".hidden", "edge\n"):
            self.refused(2, "ingest", f"{name}={path}", says=["stream"])
        self.assertFalse((self.dir / "store").exists())

    def test_a_source_without_a_stream(self):
        text = self.refused(2, "ingest", "/var/log/nginx/error.log", says=["STREAM=PATH"])
        self.assertIn("/var/log/nginx/error.log", text)
        self.refused(2, "ingest", "edge=", says=["STREAM=PATH"])

    def test_a_missing_file(self):
        self.says_and_goes_on("/no/such.log")

    def test_a_folder(self):
        os.mkdir(self.dir / "folder")
        self.says_and_goes_on(self.dir / "folder")

    def test_a_fifo(self):
        os.mkfifo(self.dir / "pipe")
        self.says_and_goes_on(self.dir / "pipe")

    def says_and_goes_on(self, path):
        """The bad source is told by its path; a good one beside it is still read."""
        good = self.file("good.log", HAPROXY + "\n")
        done = self.run_tool("ingest", f"bad={path}", f"good={good}", "--now", NOW)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(str(path).encode(), done.stderr)
        self.assertEqual([r["stream"] for r in self.rows("events")], ["good"])

    def test_a_corrupt_gz(self):
        lines = "".join(f"{HAPROXY} {i}\n" for i in range(20000)).encode()
        packed = bytearray(gzip.compress(lines))
        packed[len(packed) // 2:len(packed) // 2 + 64] = bytes(64)
        path = self.file("bad.gz", bytes(packed))
        self.refused_by("ingest", f"lb={path}", says=["bad.gz", "damaged"])
        status = self.json("status")["streams"]
        for row in status:
            self.assertEqual(row["lines"], row["events"] + row["other"] + row["quarantined"])

    def test_a_gz_that_ends_too_early(self):
        lines = "".join(f"{HAPROXY} {i}\n" for i in range(20000)).encode()
        path = self.file("cut.gz", gzip.compress(lines)[:-200])
        self.refused_by("ingest", f"lb={path}", says=["cut.gz"])
        self.refused_by("classify", path, says=["cut.gz"])

    def refused_by(self, *args, says):
        done = self.run_tool(*args)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        for words in says:
            self.assertIn(words.encode(), done.stderr)

    def test_a_long_line_nul_bytes_and_invalid_utf8(self):
        line = HAPROXY.encode()
        path = self.file("odd.log", line + b"\n" + b"x" * 10_000_000 + b"\n" + b"\0\xff\xfe\n" +
                         line + b"\0\xff\n")
        answer = self.json("ingest", f"lb={path}", "--now", NOW)
        self.assertEqual(answer["streams"][0]["lines"], 4)
        self.assertEqual(answer["streams"][0]["events"], 2)
        self.assertEqual(self.json("ingest", f"lb={path}")["streams"][0]["lines"], 0)
        self.assertTrue(self.rows("events")[1]["raw"].endswith("\0\ufffd"))


class Stores(Case):
    def test_no_store(self):
        for command in (["events"], ["tail"], ["groups"], ["timeline"], ["first-spike"],
                        ["compare", "a", "b"], ["status"], ["doctor"], ["deploy", "list"]):
            self.refused(3, *command, says=["store", "ingest"])
        self.assertFalse((self.dir / "store").exists())

    def test_a_store_that_is_a_file(self):
        self.file("store", "not a folder\n")
        for command in (["events"], ["ingest", f"lb={self.file('a.log', HAPROXY)}"]):
            self.refused(3, *command, says=["store"])
        self.assertEqual((self.dir / "store").read_text(), "not a folder\n")

    def test_two_writers(self):
        self.ingest("lb", HAPROXY)
        with self.writer() as first:
            self.refused(3, "ingest", f"lb={self.file('b.log', HAPROXY)}", says=["store"])
            self.assertEqual(len(self.rows("events")), 1)  # a reader isn't in the way
            first.stdin.write(HAPROXY.encode() + b"\n")
            first.stdin.close()
            first.stdout.read()
        self.assertEqual(first.returncode, 0)
        self.assertEqual(len(self.rows("events")), 2)

    def writer(self):
        """One that has the store's lock. The probe takes it too, so the writer may lose against it."""
        for _ in range(50):
            first = subprocess.Popen([BINARY, "ingest", "lb=-"], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                     env=self.env, cwd=self.dir)
            while first.poll() is None:
                if self.run_tool("deploy", "add", "probe").returncode == 3:
                    return first
                time.sleep(0.02)
            first.communicate()
        return self.fail("the first writer took no lock")

    def test_a_damaged_stream_file_is_told_and_the_others_answer(self):
        self.ingest("lb", HAPROXY)
        self.ingest("edge", HAPROXY)
        (self.dir / "store" / "streams" / "lb.db").write_bytes(b"\xde\xad" * 4096)
        done = self.run_tool("events")
        self.assertIn(b"lb", done.stderr)
        self.assertIn(b'"stream":"edge"', done.stdout)


class Questions(Case):
    def test_times_that_cannot_be_read(self):
        self.ingest("lb", HAPROXY)
        for text in ("yesteryear", "2026-13-01", "25:00", "-5x", "deploy:none", ""):
            self.refused(2, "events", f"--since={text}", says=["--since"])
        self.refused(2, "events", "--since", "04:13", "--until", "04:12", "--now", NOW,
                     says=["--since 04:13 is not before --until 04:12"])

    def test_values_that_a_field_cannot_have(self):
        self.ingest("lb", HAPROXY)
        self.refused(2, "events", "--class", "certifcate", says=["--class", "certificate"])
        self.refused(2, "events", "--reason", "nope", says=["--reason", "unknown_ca"])
        self.refused(2, "events", "--leg", "left", says=["--leg", "downstream"])
        self.refused(2, "events", "--alert", "256", says=["--alert", "255"])
        self.refused(2, "events", "--limit", "0", says=["--limit"])
        self.refused(2, "events", "--limit", "many", says=["--limit"])


PACK = """pack: mine
kind: cause
rules:
  - id: mine_widget
    find: [widget handshake broke]
    failure: sure
    reason: decode_error
samples:
  - line: "widget handshake broke"
    reason: %s
"""


class Packs(Case):
    def test_a_users_pack_is_used(self):
        self.file("packs/mine.yaml", PACK % "decode_error")
        rows = self.rows("classify", "--rules", "packs", stdin="the widget handshake broke\n")
        self.assertEqual(rows[0]["reason"], "decode_error")
        rows = self.rows("classify", stdin="the widget handshake broke\n", TLSTRAIL_RULES="packs")
        self.assertEqual(rows[0]["reason"], "decode_error")

    def test_a_broken_pack(self):
        broken = {"shape": "pack: [", "reason": PACK.replace("reason: decode_error\ns",
                                                            "reason: not_a_reason\ns") % "x",
                  "regex": PACK.replace("    failure", "    match: '('\n    failure") % "x"}
        for name, text in broken.items():
            self.file(f"{name}/mine.yaml", text)
            self.refused(2, "classify", "--rules", name, stdin=OTHER, says=["mine"])
            self.refused(2, "ingest", "lb=-", "--rules", name, says=["mine"])
        self.refused(2, "classify", "--rules", "absent", stdin=OTHER, says=["absent"])

    def test_a_rule_over_its_budget_quarantines_the_line(self):
        self.file("packs/slow.yaml", PACK.replace(
            "    failure", "    match: '(x+x+)+[yw]'\n    failure") % "decode_error")
        line = "widget handshake broke " + "x" * 200
        done = self.run_tool("classify", "--rules", "packs", stdin=f"{OTHER}\n{line}\n{OTHER}\n")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        self.assertIn(b"mine_widget", done.stderr)
        self.assertEqual(done.stdout.count(b"\n"), 3)
        self.assertIn(b'"quarantined"', done.stdout.splitlines()[1])
        path = self.file("a.log", f"{HAPROXY}\n{line}\n")
        done = self.run_tool("ingest", "--rules", "packs", f"lb={path}")
        self.assertIn(b'"lines":2,"events":1,"quarantined":1', done.stdout)

    def test_rules_check_runs_the_samples(self):
        self.file("good/mine.yaml", PACK % "decode_error")
        self.run_tool("rules", "check", "--rules", "good")
        self.file("bad/mine.yaml", PACK % "expired")
        done = self.run_tool("rules", "check", "--rules", "bad")
        self.assertEqual(done.returncode, 2)
        self.assertIn(b"mine: widget handshake broke", done.stdout)
        self.assertIn(b"want 'expired'", done.stdout)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def test_the_built_in_samples_hold(self):
        done = self.run_tool("rules", "check")
        self.assertEqual((done.returncode, done.stdout.decode()[-2000:]), (0, ""))

    def test_rules_list_names_the_packs(self):
        self.file("packs/mine.yaml", PACK % "decode_error")
        packs = self.json("rules", "list", "--rules", "packs")["packs"]
        self.assertIn("mine", [p["pack"] for p in packs])


class Configs(Case):
    def test_no_config(self):
        self.refused(2, "follow", says=["--config FILE"])
        self.refused(2, "follow", "--config", "absent.yaml", says=["absent.yaml"])
        self.refused(2, "follow", "--config", "/etc", says=["/etc", "directory", "--config"])

    def test_a_broken_config(self):
        for text in ("sources: [", "nonsense: true\n", "", "- 1\n"):
            self.file("c.yaml", text)
            self.refused(2, "follow", "--config", "c.yaml", says=["c.yaml"])
        self.assertFalse((self.dir / "store").exists())


if __name__ == "__main__":
    unittest.main()
