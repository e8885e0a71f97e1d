"""doctor: what a stream's logs can't show, and what fails in them all day."""
import random
import unittest
from datetime import datetime, timedelta, timezone

from tool import HAPROXY, NGINX_DOWNSTREAM, NGINX_UPSTREAM, NOW, OTHER, Case

BASE = datetime(2026, 4, 18, 0, 0, tzinfo=timezone.utc)


def haproxy(second, peer):
    at = BASE + timedelta(seconds=second)
    return (f"{at:%b %d %H:%M:%S} lb-1 haproxy[2211]: {peer}:40000 "
            f"[{at:%d/%b/%Y:%H:%M:%S}.000] fe_https/1: Connection closed during SSL handshake")


class Doctor(Case):
    def doctor(self, *args, status=0):
        return self.json("doctor", *args, "--now", NOW, status=status)["findings"]

    def kinds(self, *args, kind="blind"):
        return [(f["stream"], f["format"]) for f in self.doctor(*args) if f["kind"] == kind]

    def floors(self):
        return {(f["peer"], f["reason"]): f["per_hour"]
                for f in self.doctor() if f["kind"] == "floor"}

    def test_a_leg_that_was_never_shown_is_named_with_the_setting_and_the_reason(self):
        self.ingest("ingress", NGINX_UPSTREAM, OTHER)
        findings = self.doctor()
        self.assertEqual(len(findings), 1)
        row = findings[0]
        self.assertEqual((row["stream"], row["kind"], row["format"]), ("ingress", "blind", "nginx"))
        self.assertIn("error_log", row["fix"])
        self.assertIn("info", row["fix"])
        self.assertIn("level info", row["problem"])

    def test_once_shown_the_setting_is_known_to_be_right(self):
        self.ingest("ingress", NGINX_UPSTREAM)
        self.ingest("ingress", NGINX_DOWNSTREAM)
        self.assertEqual(self.doctor(status=1), [])
        self.assertEqual(self.ok("doctor", "--output", "table", status=1).strip().count("nginx"), 0)

    def test_haproxys_servers_are_hidden_and_its_clients_are_not(self):
        self.ingest("lb", HAPROXY)
        row, = self.doctor()
        self.assertIn("handshake with a server", row["problem"])
        self.assertIn("ssl_bc_err_str", row["fix"])

    def test_a_services_language_is_told_by_its_library(self):
        self.ingest("app", "2026-04-18T04:12:09Z javax.net.ssl.SSLHandshakeException: "
                           "Received fatal alert: certificate_unknown")
        row, = self.doctor()
        self.assertEqual((row["stream"], row["format"]), ("app", "java"))
        self.assertIn("if this service terminates TLS", row["fix"])

    def test_a_stream_without_a_failure_is_known_by_its_files(self):
        for folder, family in (("nginx", "nginx"), ("istio-proxy", "envoy"), ("apache2", "apache"),
                               ("elasticloadbalancing", "aws_alb"), ("traefik", "traefik"),
                               ("caddy", "caddy")):
            path = self.file(f"{folder}/a.log", f"{OTHER}\n")
            self.json("ingest", f"{family.replace('_', '-')}-x.1={path}", "--now", NOW)
        found = {family for _, family in self.kinds()}
        self.assertEqual(found, {"nginx", "envoy", "apache", "aws_alb", "traefik", "caddy"})

    def test_a_stream_that_nothing_is_known_of_gets_the_general_advice(self):
        path = self.file("some/file.log", f"{OTHER}\n{OTHER}\n")
        self.json("ingest", f"quiet={path}", "--now", NOW)
        row, = self.doctor()
        self.assertIsNone(row["format"])
        self.assertIn("none of 2 lines", row["problem"])
        self.assertIn("nginx", row["fix"])

    def test_the_stream_may_be_chosen(self):
        self.ingest("ingress", NGINX_UPSTREAM)
        self.ingest("lb", HAPROXY)
        self.assertEqual(self.kinds("--stream", "lb"), [("lb", "haproxy")])
        self.refused(2, "doctor", "--stream", "nope", says=["nope", "ingress"])

    def test_a_checker_and_a_steady_scanner_are_floors_and_a_burst_and_a_few_are_not(self):
        rng = random.Random(7)
        events = [(s, "192.0.2.4") for s in range(0, 14400, 10)]
        events += [(rng.uniform(0, 14400), "192.0.2.5") for _ in range(240)]
        events += [(7200 + i, "192.0.2.6") for i in range(600)]
        events += [(rng.uniform(0, 14400), "192.0.2.7") for _ in range(8)]
        self.ingest("lb", *(haproxy(int(s), p) for s, p in sorted(events)))
        floors = self.floors()
        self.assertEqual(set(floors), {("192.0.2.4", "closed"), ("192.0.2.5", "closed")})
        self.assertAlmostEqual(floors["192.0.2.4", "closed"], 360, delta=1)
        self.assertAlmostEqual(floors["192.0.2.5", "closed"], 60, delta=15)
        self.assertIn("192.0.2.4 fails with transport/closed every 10 s",
                      self.ok("doctor", "--now", NOW, "--output", "table"))
        total = self.json("groups", "--by", "peer", "--now", NOW)["total"]
        self.assertEqual(total, len(events), "a floor is shown, never dropped")

    def test_an_hour_is_the_least_that_shows_a_floor(self):
        self.ingest("lb", *(haproxy(s, "192.0.2.4") for s in range(0, 3500, 10)))
        self.assertEqual(self.floors(), {})


if __name__ == "__main__":
    unittest.main()
