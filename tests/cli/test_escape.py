"""No byte of a log, a name or a path reaches a terminal, a CSV or a JSON row as it is."""
import csv
import io
import json
import unicodedata
import unittest

from tool import NOW, Case

HOSTILE = ('2026/04/18 04:12:02 [error] 29#29: *1 SSL_do_handshake() failed (SSL: error:0A000418:SSL '
           "routines::tlsv1 alert unknown ca:SSL alert number 48) while SSL handshaking to upstream, "
           'client: 10.0.3.9, server: evil, request: "GET /\x1b]0;owned\x07\x1b[2J\u202egpj.exe '
           'HTTP/1.1", upstream: "https://10.0.0.1:443/", host: "\x1b[31mevil\u200b\x7f.example"')
RAW = HOSTILE.encode() + b" \xff\xfe\x00\xc2\x9b31m =cmd|calc\r"


class Escape(Case):
    def assert_clean(self, text, where):
        for char in text:
            category = unicodedata.category(char)
            self.assertFalse(category in ("Cc", "Cf", "Zl", "Zp") and char not in "\r\n", (where,
                                                                                        char))

    def setUp(self):
        super().setUp()
        path = self.file("hostile.log", RAW + b"\n")
        self.json("ingest", f"edge={path}", "--now", NOW)

    def test_every_output_of_the_events(self):
        for output in ("table", "json", "ndjson", "csv"):
            for command in (["events"], ["tail"], ["groups", "--by", "host"],
                            ["timeline", "--by", "host"]):
                text = self.ok(*command, "--output", output)
                self.assert_clean(text, (command, output))
                if output in ("json", "ndjson"):
                    self.assertTrue(text.isascii())

    def test_classify_and_explain(self):
        for output in ("table", "ndjson", "csv"):
            for command in ("classify", "explain"):
                text = self.ok(command, "--output", output, stdin=RAW)
                self.assert_clean(text, (command, output))

    def test_the_raw_line_survives_as_far_as_json_can_hold_it(self):
        raw = self.rows("events")[0]["raw"]
        self.assertIn("/\x1b]0;owned\x07\x1b[2J\u202egpj.exe", raw)
        self.assertIn("\ufffd\ufffd\x00\u009b31m", raw)

    def test_csv_is_no_formula(self):
        rows = list(csv.reader(io.StringIO(self.ok("classify", "--output", "csv", stdin=RAW))))
        for cell in rows[1]:
            self.assertNotIn(cell[:1], ("=", "+", "-", "@"))

    def test_names_in_errors(self):
        for args in (["\x1b[2Jcommand"], ["events", "--\x1b]0;x\x07"], ["classify", "/no\x1b[31m"],
                     ["ingest", "\x1b[31m=/x"], ["groups", "--by", "\x1b[31m"],
                     ["events", "--since", "\x1b[31m"], ["classify", "/no\u202egpj"]):
            done = self.run_tool(*args)
            self.assertGreaterEqual(done.returncode, 2)
            self.assert_clean(done.stderr.decode(), args)

    def test_a_deploy_name(self):
        name = "v\u202e1\x1b[31m"
        self.ok("deploy", "add", name, "--at", NOW)
        self.assert_clean(self.ok("deploy", "list", "--output", "table"), "table")
        self.assertEqual(json.loads(self.ok("deploy", "list"))["deploys"][0]["name"], name)


if __name__ == "__main__":
    unittest.main()
