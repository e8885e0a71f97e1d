"""classify: one result a line, in order, whatever the bytes are."""
import csv
import gzip
import io
import json
import random
import subprocess
import unittest

from tool import BINARY, HAPROXY, NGINX_DOWNSTREAM, NGINX_UPSTREAM, OTHER, Case

UPSTREAM = {"line": 1, "failure": True, "class": "certificate", "reason": "unknown_ca",
            "leg": "upstream", "rejected_by": "peer", "alert": 48, "host": "shop.example.com",
            "peer": "10.244.2.19:8443", "tls_version": None, "cipher": None,
            "time": "2026-04-18T04:12:02Z", "format": "nginx_error", "library": "openssl"}
DOWNSTREAM = {"line": 1, "failure": True, "class": "protocol", "reason": "unsupported_version",
              "leg": "downstream", "rejected_by": "local", "alert": None, "host": None,
              "peer": "203.0.113.9", "tls_version": None, "cipher": None,
              "time": "2026-04-18T04:12:04Z", "format": "nginx_error", "library": "openssl"}


class Shapes(Case):
    def test_a_line_is_an_object_with_every_key_in_the_order_of_the_contract(self):
        text = self.ok("classify", stdin=NGINX_UPSTREAM + "\n")
        self.assertEqual(json.loads(text), UPSTREAM)
        self.assertEqual(list(json.loads(text)), list(UPSTREAM))

    def test_results_are_in_order_and_numbered(self):
        rows = self.rows("classify", stdin="\n".join([OTHER, NGINX_DOWNSTREAM, "", NGINX_UPSTREAM]))
        self.assertEqual(rows, [{"line": 1, "failure": False}, {**DOWNSTREAM, "line": 2},
                                {"line": 3, "failure": False}, {**UPSTREAM, "line": 4}])

    def test_json_is_one_document(self):
        rows = self.json("classify", "--output", "json", stdin=f"{OTHER}\n{NGINX_UPSTREAM}\n")
        self.assertEqual(rows, [{"line": 1, "failure": False}, {**UPSTREAM, "line": 2}])

    def test_csv_has_a_head_and_a_row_a_line(self):
        text = self.ok("classify", "--output", "csv", stdin=f"{OTHER}\n{NGINX_UPSTREAM}\n")
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual(list(rows[0]), list(UPSTREAM))
        self.assertEqual(rows[0]["failure"], "false")
        self.assertEqual(rows[1]["reason"], "unknown_ca")
        self.assertEqual(rows[1]["alert"], "48")
        self.assertEqual(rows[1]["tls_version"], "")

    def test_a_table_says_it_in_words(self):
        text = self.ok("classify", "--output", "table", stdin=f"{OTHER}\n{NGINX_UPSTREAM}\n")
        first, second = text.splitlines()
        self.assertIn("no TLS failure", first)
        for words in ("certificate/unknown_ca", "upstream", "peer refused", "alert 48",
                      "shop.example.com"):
            self.assertIn(words, second)

    def test_records_that_end_with_nul_may_have_several_lines(self):
        rows = self.rows("classify", "--null", stdin=f"{OTHER}\n{NGINX_UPSTREAM}\0{OTHER}\0{HAPROXY}")
        self.assertEqual([(r["line"], r["failure"]) for r in rows],
                         [(1, True), (2, False), (3, True)])

    def test_a_record_is_all_of_the_input(self):
        trace = ("2026-04-18T06:12:09.912+02:00 ERROR [main] c.e.PaymentClient : charge failed\n"
                 "javax.net.ssl.SSLHandshakeException: Received fatal alert: certificate_unknown\n"
                 "\tat java.base/sun.security.ssl.Alert.createSSLException(Alert.java:131)\n")
        rows = self.rows("classify", "--record", stdin=trace)
        self.assertEqual(len(rows), 1)
        self.assertEqual(
            [rows[0][k] for k in ("line", "failure", "reason", "rejected_by", "alert", "time")],
            [1, True, "certificate_unknown", "peer", 46, "2026-04-18T04:12:09.912Z"])

    def test_a_zone_is_taken_for_times_that_name_none(self):
        rows = self.rows("classify", "--tz", "Europe/Berlin", stdin=NGINX_DOWNSTREAM)
        self.assertEqual(rows[0]["time"], "2026-04-18T02:12:04Z")

    def test_a_time_without_a_year_is_before_now(self):
        line = "Dec 31 23:59:59 lb-1 haproxy[2]: 203.0.113.9:5 fe/1: SSL handshake failure"
        rows = self.rows("classify", "--now", "2026-01-01T00:00:10Z", stdin=line)
        self.assertEqual(rows[0]["time"], "2025-12-31T23:59:59Z")

    def test_nothing_to_judge_is_no_answer(self):
        self.assertEqual(self.ok("classify", status=1), "")
        self.assertEqual(self.json("classify", "--output", "json", status=1), [])


class Inputs(Case):
    def test_a_path_plain_and_packed(self):
        text = f"{HAPROXY}\n{OTHER}\n"
        want = self.rows("classify", stdin=text)
        self.assertEqual(self.rows("classify", self.file("a.log", text)), want)
        self.assertEqual(self.rows("classify", self.file("a.gz", gzip.compress(text.encode()))),
                         want)
        subprocess.run(["zstd", "-q", str(self.dir / "a.log")], check=True)
        self.assertEqual(self.rows("classify", self.dir / "a.log.zst"), want)

    def test_many_lines_keep_their_order_over_threads(self):
        rng = random.Random(7)
        lines = [rng.choice([NGINX_UPSTREAM, NGINX_DOWNSTREAM, OTHER, "x" * rng.randrange(300)])
                 for _ in range(30000)]
        known = {NGINX_UPSTREAM: "unknown_ca", NGINX_DOWNSTREAM: "unsupported_version"}
        rows = self.rows("classify", stdin="\n".join(lines))
        self.assertEqual([r["line"] for r in rows], list(range(1, len(lines) + 1)))
        self.assertEqual([r.get("reason") for r in rows], [known.get(line) for line in lines])

    def test_ten_megabytes_without_a_newline_are_one_line(self):
        rows = self.rows("classify", stdin=NGINX_UPSTREAM.encode() + b" " + b"a" * 10_000_000 +
                         b"\n" + NGINX_DOWNSTREAM.encode())
        self.assertEqual(rows, [{**UPSTREAM, "truncated": True}, {**DOWNSTREAM, "line": 2}])

    def test_nul_bytes_and_invalid_utf8_stay_inside_json(self):
        line = NGINX_UPSTREAM.encode().replace(b"POST", b"PO\0\xff\xfe\x1b[31mST")
        rows = self.rows("classify", stdin=b"\0\xff\xc3\n" + line + b"\n")
        self.assertEqual(rows, [{"line": 1, "failure": False}, {**UPSTREAM, "line": 2}])

    def test_a_line_is_answered_before_the_next_one_comes(self):
        with subprocess.Popen([BINARY, "classify"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              env=self.env) as tool:
            for number in (1, 2):
                tool.stdin.write(HAPROXY.encode() + b"\n")
                tool.stdin.flush()
                self.assertEqual(json.loads(tool.stdout.readline())["line"], number)
            tool.stdin.close()
            tool.stdout.read()
        self.assertEqual(tool.returncode, 0)

    def test_a_reader_that_goes_away_ends_it_quietly(self):
        self.file("big.log", f"{HAPROXY}\n" * 50000)
        done = subprocess.run(f"'{BINARY}' classify big.log | head -n 1", shell=True, check=True,
                              capture_output=True, env=self.env, cwd=self.dir)
        self.assertEqual(done.stderr, b"")
        self.assertEqual(json.loads(done.stdout)["line"], 1)

    def test_a_full_disk_is_told(self):
        done = subprocess.run(f"'{BINARY}' classify > /dev/full", shell=True, input=HAPROXY.encode(),
                              capture_output=True, env=self.env, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"No space left", done.stderr)


if __name__ == "__main__":
    unittest.main()
