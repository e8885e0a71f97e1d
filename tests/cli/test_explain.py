"""explain: what pasted lines mean, in JSON and for the eye."""
import unittest

from tool import HAPROXY, NGINX_DOWNSTREAM, NGINX_UPSTREAM, OTHER, Case

TRACE = """2026-04-18T06:12:09.912+02:00 ERROR 1 --- [main] c.e.shop.PaymentClient : charge failed
javax.net.ssl.SSLHandshakeException: Received fatal alert: certificate_unknown
\tat java.base/sun.security.ssl.Alert.createSSLException(Alert.java:131)
\tat com.example.shop.checkout.PaymentClient.charge(PaymentClient.java:88)"""


class Explain(Case):
    def test_it_adds_the_meaning_to_what_classify_says(self):
        row = self.rows("explain", stdin=NGINX_UPSTREAM)[0]
        plain = self.rows("classify", stdin=NGINX_UPSTREAM)[0]
        self.assertEqual({k: row[k] for k in plain}, plain)
        self.assertEqual(list(row)[len(plain):], ["meaning", "look_at", "fix_at", "next"])
        for key in ("meaning", "look_at", "fix_at"):
            self.assertTrue(row[key])
        self.assertGreaterEqual(len(row["next"]), 3)
        commands = "\n".join(row["next"])
        self.assertIn("openssl s_client", commands)
        self.assertIn("10.244.2.19:8443", commands)
        self.assertIn("shop.example.com", commands)

    def test_lines_of_one_record_are_one_answer(self):
        rows = self.rows("explain", stdin=f"{OTHER}\n{TRACE}\n{OTHER}\n{HAPROXY}\n")
        self.assertEqual([(r["line"], r["failure"]) for r in rows],
                         [(1, False), (2, True), (6, False), (7, True)])
        self.assertEqual(rows[1]["reason"], "certificate_unknown")
        self.assertEqual(rows[1]["time"], "2026-04-18T04:12:09.912Z")

    def test_nothing_to_explain_is_exit_status_1(self):
        rows = self.rows("explain", stdin=f"{OTHER}\n{OTHER}\n", status=1)
        self.assertEqual(rows, [{"line": 1, "failure": False}, {"line": 2, "failure": False}])
        self.assertIn("no failed TLS handshake in 2 lines",
                      self.ok("explain", "--output", "table", stdin=f"{OTHER}\n{OTHER}", status=1))

    def test_for_the_eye_each_kind_is_explained_once(self):
        text = self.ok("explain", "--output", "table",
                       stdin="\n".join([NGINX_UPSTREAM, NGINX_UPSTREAM, OTHER, NGINX_DOWNSTREAM]))
        self.assertEqual(text.count("certificate/unknown_ca"), 1)
        self.assertIn("line 4: protocol/unsupported_version", text)
        self.assertIn("upstream leg: this hop was the TLS client; the other end refused, alert 48 "
                      "(unknown_ca)", text)
        for label in ("means", "look at", "fix at", "next"):
            self.assertIn(f"\n  {label} ", text)
        self.assertIn("1 more of the same; 1 other lines", text)

    def test_the_stream_tells_the_kind_of_hop(self):
        mesh = self.rows("explain", "--stream", "mesh", stdin=NGINX_UPSTREAM)[0]
        edge = self.rows("explain", "--stream", "edge", stdin=NGINX_UPSTREAM)[0]
        self.assertNotEqual(mesh["fix_at"], edge["fix_at"])

    def test_a_record_is_all_of_the_input(self):
        rows = self.rows("explain", "--record", stdin=TRACE)
        self.assertEqual([(r["line"], r["reason"]) for r in rows], [(1, "certificate_unknown")])


if __name__ == "__main__":
    unittest.main()
