"""Every common shape of a time, read by classify: offsets, epochs, zones, and years that are left
out, on both sides of New Year."""
import unittest

from tool import Case

NEW_YEAR = "2026-01-01T00:10:00Z"
TLS = "TLS handshake error: remote error: tls: bad certificate"
HTTP = "http: TLS handshake error from 203.0.113.9:4711: remote error: tls: bad certificate"
NGINX = ("[info] 29#29: *1 SSL_do_handshake() failed (SSL: error:0A000102:SSL routines::unsupported "
         "protocol) while SSL handshaking, client: 203.0.113.9, server: 0.0.0.0:443")
APACHE = ("[ssl:info] [pid 7] SSL Library Error: error:0A000418:SSL routines::tlsv1 alert unknown ca "
          "(SSL alert number 48)")
HAPROXY = "fe_https/1: Connection closed during SSL handshake"

# A line, its time in UTC, and its time when the stream's zone is Berlin's.
FULL = "2025-12-31T23:42:03"
HOUR_BEFORE = "2025-12-31T22:42:03"
SHAPES = [
    (f"2026-01-01T05:12:03.250+05:30 app[1]: {TLS}", FULL + ".250Z", FULL + ".250Z"),
    (f"2025-12-31T23:42:03Z app[1]: {TLS}", FULL + "Z", FULL + "Z"),
    (f'{{"ts":1767224523,"msg":"{HTTP}"}}', FULL + "Z", FULL + "Z"),
    (f'{{"ts":1767224523.25,"msg":"{HTTP}"}}', FULL + ".250Z", FULL + ".250Z"),
    (f'{{"ts":1767224523250,"msg":"{HTTP}"}}', FULL + ".250Z", FULL + ".250Z"),
    (f'{{"ts":1767224523250000,"msg":"{HTTP}"}}', FULL + ".250Z", FULL + ".250Z"),
    (f"[01/Jan/2026:00:42:03 +0100] {TLS}", FULL + "Z", FULL + "Z"),
    (f"2025/12/31 23:42:03 {NGINX}", FULL + "Z", HOUR_BEFORE + "Z"),
    (f"[Wed Dec 31 23:42:03.250000 2025] {APACHE}", FULL + ".250Z", HOUR_BEFORE + ".250Z"),
    (f"2025-12-31 23:42:03,250 ERROR {TLS}", FULL + ".250Z", HOUR_BEFORE + ".250Z"),
    (f"Dec 31 23:42:03 lb-1 haproxy[2211]: 203.0.113.9:53112 [31/Dec/2025:23:42:03.127] {HAPROXY}",
     FULL + ".127Z", HOUR_BEFORE + ".127Z"),
    (f"Dec 31 23:42:03 host app[7]: {TLS}", FULL + "Z", HOUR_BEFORE + "Z"),
    (f"E1231 23:42:03.250000       1 server.go:12] {HTTP}", FULL + ".250Z",
     HOUR_BEFORE + ".250Z"),
]


class Times(Case):
    def times(self, lines, *options):
        rows = self.rows("classify", *options, stdin="".join(line + "\n" for line in lines))
        return [row["time"] for row in rows]

    def test_every_shape(self):
        lines = [line for line, _, _ in SHAPES]
        self.assertEqual(self.times(lines, "--now", NEW_YEAR), [utc for _, utc, _ in SHAPES])
        self.assertEqual(self.times(lines, "--now", NEW_YEAR, "--tz", "Europe/Berlin"),
                         [berlin for _, _, berlin in SHAPES])

    def test_a_missing_year_is_the_last_one_that_is_at_most_a_day_ahead(self):
        line = f"Jan  1 00:05:00 host app[7]: {TLS}"
        for now, year in ((NEW_YEAR, 2026), ("2026-12-30T12:00:00Z", 2026),
                          ("2025-12-31T23:59:00Z", 2026), ("2025-12-30T12:00:00Z", 2025)):
            self.assertEqual(self.times([line], "--now", now), [f"{year}-01-01T00:05:00Z"], now)


if __name__ == "__main__":
    unittest.main()
