"""Each question's answer over a small store, in every output."""
import csv
import io
import json
import unittest

from tool import HAPROXY, NGINX_DOWNSTREAM, NGINX_UPSTREAM, NOW, OTHER, Case


class Questions(Case):
    def setUp(self):
        super().setUp()
        self.ingest("ingress", NGINX_UPSTREAM, OTHER, NGINX_UPSTREAM.replace("04:12:02", "04:12:07"),
                    NGINX_DOWNSTREAM)
        self.ingest("lb", HAPROXY, OTHER)

    def ask(self, *args, **kwargs):
        return self.json(*args, "--now", NOW, **kwargs)


class Ingest(Questions):
    def test_it_says_what_it_read(self):
        answer = self.ingest("lb", OTHER, OTHER, HAPROXY)
        size = len(HAPROXY) + 2 * len(OTHER) + 3
        self.assertEqual(answer, {"streams": [{"stream": "lb", "lines": 3, "events": 1,
                                               "quarantined": 0, "bytes": size}]})

    def test_again_it_reads_only_what_is_new(self):
        path = self.file("grow.log", HAPROXY + "\n")
        self.assertEqual(self.json("ingest", f"lb={path}")["streams"][0]["events"], 1)
        self.assertEqual(self.json("ingest", f"lb={path}")["streams"][0]["lines"], 0)
        with open(path, "a", encoding="ascii") as out:
            out.write(OTHER + "\n" + HAPROXY + "\n")
        self.assertEqual(self.json("ingest", f"lb={path}")["streams"][0],
                         {"stream": "lb", "lines": 2, "events": 1, "quarantined": 0,
                          "bytes": len(HAPROXY) + len(OTHER) + 2})

    def test_several_sources_of_a_stream_are_one_row(self):
        a, b = self.file("a.log", HAPROXY + "\n"), self.file("b.log", HAPROXY * 1 + " \n")
        rows = self.json("ingest", f"new={a}", f"new={b}", f"other={a}")["streams"]
        self.assertEqual([(r["stream"], r["lines"]) for r in rows], [("new", 2), ("other", 1)])

    def test_standard_input_and_a_zone_by_stream(self):
        answer = self.json("ingest", "edge=-", "--tz", "edge=+02:00", "--tz", "UTC",
                           stdin=NGINX_DOWNSTREAM + "\n")
        self.assertEqual(answer["streams"][0]["events"], 1)
        self.assertEqual(self.rows("events", "--stream", "edge")[0]["time"], "2026-04-18T02:12:04Z")

    def test_the_store_may_be_an_option(self):
        path = self.file("a.log", HAPROXY + "\n")
        self.json("--store", self.dir / "two", "ingest", f"x={path}")
        self.assertEqual(len(self.rows("events", "--store", self.dir / "two")), 1)
        self.assertEqual(len(self.rows("events")), 4)


class Events(Questions):
    def test_in_time_order_with_stream_id_and_raw(self):
        rows = self.rows("events")
        self.assertEqual([(r["stream"], r["time"], r["reason"]) for r in rows],
                         [("ingress", "2026-04-18T04:12:02Z", "unknown_ca"),
                          ("ingress", "2026-04-18T04:12:04Z", "unsupported_version"),
                          ("ingress", "2026-04-18T04:12:07Z", "unknown_ca"),
                          ("lb", "2026-04-18T04:12:25.127Z", "closed")])
        self.assertEqual(rows[0]["raw"], NGINX_UPSTREAM)
        self.assertEqual(len({(r["stream"], r["id"]) for r in rows}), 4)
        self.assertEqual(self.rows("events", "--newest"), rows[::-1])
        self.assertEqual(self.json("events", "--output", "json"), rows)

    def test_selections(self):
        def times(*args):
            return [r["time"][14:19] for r in self.rows("events", "--now", NOW, *args)]
        self.assertEqual(times("--stream", "lb"), ["12:25"])
        self.assertEqual(times("--stream", "lb,ingress", "--class", "transport"), ["12:25"])
        self.assertEqual(times("--class", "protocol", "--class", "transport"), ["12:04", "12:25"])
        self.assertEqual(times("--reason=unknown_ca"), ["12:02", "12:07"])
        self.assertEqual(times("--leg", "downstream"), ["12:04", "12:25"])
        self.assertEqual(times("--rejected-by", "local"), ["12:04"])
        self.assertEqual(times("--host", "SHOP.example.com"), ["12:02", "12:07"])
        self.assertEqual(times("--host", "*.example.com", "--limit", "1"), ["12:02"])
        self.assertEqual(times("--peer", "203.0.113.9"), ["12:04", "12:25"])
        self.assertEqual(times("--alert", "48"), ["12:02", "12:07"])
        self.assertEqual(times("--since", "2026-04-18T04:12:04Z", "--until", "04:12:07"), ["12:04"])
        self.assertEqual(times("--since", "-13m55s"), ["12:07", "12:25"])

    def test_none_is_exit_status_1(self):
        self.assertEqual(self.ok("events", "--class", "alpn", status=1), "")
        self.assertEqual(self.json("events", "--class", "alpn", "--output", "json", status=1), [])

    def test_csv(self):
        rows = list(csv.DictReader(io.StringIO(self.ok("events", "--output", "csv"))))
        self.assertEqual(list(rows[0])[:3], ["stream", "id", "failure"])
        self.assertEqual(rows[0]["raw"], NGINX_UPSTREAM)


class Tail(Questions):
    def test_the_last_ones_oldest_first(self):
        rows = self.rows("events")
        self.assertEqual(self.rows("tail"), rows)
        self.assertEqual(self.rows("tail", "--limit", "2"), rows[-2:])
        self.assertEqual(self.rows("tail", "--limit", "1", "--stream", "ingress"), rows[2:3])

    def test_it_resumes_behind_an_id(self):
        rows = self.rows("events", "--stream", "ingress")
        ids = sorted(r["id"] for r in rows)
        got = self.rows("tail", "--after", f"ingress:{ids[0]}")
        self.assertEqual([r["id"] for r in got], ids[1:])
        self.assertEqual(self.rows("tail", "--stream", "ingress", "--after", ids[1]), got[1:])
        self.assertEqual(self.ok("tail", "--after", f"ingress:{ids[2]}", status=1), "")
        got = self.rows("tail", "--after", f"ingress:{ids[1]},lb:0")
        self.assertEqual([r["stream"] for r in got], ["ingress", "lb"])

    def test_an_after_that_is_not_one(self):
        for after in ("seven", "7", "lb:x", "lb:"):
            self.refused(2, "tail", "--after", after, says=["--after", "STREAM:ID"])
        self.refused(2, "tail", "-f", "--output", "json", says=["ndjson"])


class Groups(Questions):
    def test_by_class_and_reason_unless_told(self):
        answer = self.ask("groups")
        self.assertEqual(answer["total"], 4)
        self.assertEqual(answer["groups"][0],
                         {"class": "certificate", "reason": "unknown_ca", "count": 2,
                          "first": "2026-04-18T04:12:02Z", "last": "2026-04-18T04:12:07Z"})

    def test_by_several_fields(self):
        want = {("ingress", "shop.example.com", 2), ("ingress", None, 1), ("lb", None, 1)}
        for args in (["--by", "stream,host"], ["--by", "stream", "--by", "host"]):
            answer = self.ask("groups", *args)
            self.assertEqual({(g["stream"], g["host"], g["count"]) for g in answer["groups"]}, want)
            self.assertEqual(answer["groups"][0]["count"], 2)

    def test_outputs(self):
        table = self.ok("groups", "--by", "reason", "--output", "table").splitlines()
        self.assertEqual(table[0].split(), ["reason", "count", "first", "last"])
        self.assertEqual(table[1].split()[:2], ["unknown_ca", "2"])
        rows = list(csv.reader(io.StringIO(self.ok("groups", "--by", "reason", "--output", "csv"))))
        self.assertEqual(rows[1][:2], ["unknown_ca", "2"])
        lines = self.rows("groups", "--by", "reason", "--output", "ndjson")
        self.assertEqual(lines, self.ask("groups", "--by", "reason")["groups"])

    def test_a_field_that_is_not_one(self):
        self.refused(2, "groups", "--by", "colour", says=["colour", "tls_version"])
        self.refused(2, "groups", "--by", "host,", says=["--by"])

    def test_none(self):
        self.assertEqual(self.ask("groups", "--class", "alpn", status=1)["groups"], [])


class Timeline(Questions):
    SPAN = ["--since", "2026-04-18T04:12:00Z", "--until", "2026-04-18T04:12:30Z", "--step", "10s"]

    def test_counts_a_step(self):
        answer = self.ask("timeline", *self.SPAN)
        self.assertEqual((answer["step_s"], answer["from"]), (10, "2026-04-18T04:12:00Z"))
        self.assertEqual([s["counts"] for s in answer["series"]], [[3, 0, 1]])

    def test_by_a_field(self):
        answer = self.ask("timeline", "--by", "stream", *self.SPAN)
        self.assertEqual({s["stream"]: s["counts"] for s in answer["series"]},
                         {"ingress": [3, 0, 0], "lb": [0, 0, 1]})

    def test_the_plot_is_unicode_or_ascii_by_the_locale(self):
        args = ["timeline", "--by", "stream", *self.SPAN, "--output", "table"]
        text = self.ok(*args)
        self.assertIn("█··\n", text)
        self.assertIn("··█\n", text)
        for locale in ("C", "POSIX", "de_DE.ISO-8859-1"):
            plain = self.ok(*args, LC_ALL=locale)
            self.assertTrue(plain.isascii())
            self.assertIn("@  \n", plain)
            self.assertIn("  @\n", plain)

    def test_the_plot_fits_its_width(self):
        text = self.ok("timeline", "--since", "2026-04-18T02:00:00Z", "--until", NOW, "--step", "1s",
                       "--output", "table", COLUMNS="60")
        for line in text.splitlines():
            self.assertLessEqual(len(line), 60, line)

    def test_csv_is_a_row_a_step_and_series(self):
        text = self.ok("timeline", "--by", "stream", *self.SPAN, "--output", "csv")
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual(len(rows), 6)
        self.assertIn({"time": "2026-04-18T04:12:20Z", "count": "1", "stream": "lb"}, rows)

    def test_bad_steps_and_fields(self):
        self.refused(2, "timeline", "--step", "soon", says=["--step", "soon"])
        self.refused(2, "timeline", "--step", "1ms", says=["--step", "1s"])
        self.refused(2, "timeline", "--by", "host,peer", says=["--by", "one field"])


class Compare(Questions):
    def test_two_streams(self):
        answer = self.ask("compare", "ingress", "lb")
        rows = {r["reason"]: (r["a"], r["b"]) for r in answer["rows"]}
        self.assertEqual(rows, {"unknown_ca": (2, 0), "unsupported_version": (1, 0),
                                "closed": (0, 1)})
        for row in answer["rows"]:
            self.assertLessEqual({"class", "reason", "a", "b", "rate_a", "rate_b", "g2", "p_value",
                                  "verdict"}, set(row))
            self.assertIn(row["verdict"], ("only_a", "more_a", "same", "more_b", "only_b"))

    def test_one_stream_before_and_after_a_deploy(self):
        self.ok("deploy", "add", "v2", "--at", "2026-04-18T04:12:05Z")
        answer = self.ask("compare", "ingress", "--since", "deploy")
        self.assertEqual({r["reason"]: (r["a"], r["b"]) for r in answer["rows"]},
                         {"unknown_ca": (1, 1), "unsupported_version": (1, 0)})
        self.assertEqual(answer, self.ask("compare", "ingress", "--since", "deploy:v2"))

    def test_one_stream_needs_a_moment(self):
        self.refused(2, "compare", "lb", says=["--since", "deploy"])
        self.refused(2, "compare", "lb", "--since", "deploy", says=["deploy"])


class Deploys(Questions):
    def test_add_and_list(self):
        self.assertEqual(self.ask("deploy", "list", status=1), {"deploys": []})
        one = {"name": "v1", "at": "2026-04-18T04:00:00Z"}
        two = {"name": "v2", "at": "2026-04-18T04:26:00Z"}
        self.assertEqual(self.ask("deploy", "add", "v2"), {"deploys": [two]})
        self.assertEqual(self.ask("deploy", "add", "v1", "--at", "04:00"), {"deploys": [one]})
        self.assertEqual(self.ask("deploy", "list"), {"deploys": [one, two]})
        self.assertEqual(len(self.rows("events", "--since", "deploy:v1", "--until", "deploy")), 4)


class Status(Questions):
    def test_the_ledger_closes(self):
        rows = self.ask("status")["streams"]
        self.assertEqual([r["stream"] for r in rows], ["ingress", "lb"])
        for row, (lines, events) in zip(rows, [(4, 3), (2, 1)]):
            self.assertEqual((row["lines"], row["events"]), (lines, events))
            self.assertEqual(row["lines"], row["events"] + row["other"] + row["quarantined"])
        table = self.ok("status", "--output", "table").splitlines()
        self.assertEqual(table[0].split()[:3], ["stream", "lines", "events"])
        self.assertEqual(table[1].split()[:3], ["ingress", "4", "3"])


class Prune(Questions):
    def test_by_age(self):
        answer = self.ask("prune", "--older-than", "13m40s")
        self.assertEqual(answer, {"streams": [{"stream": "ingress", "deleted": 3},
                                              {"stream": "lb", "deleted": 0}]})
        self.assertEqual([r["stream"] for r in self.rows("events")], ["lb"])
        row = self.ask("status")["streams"][0]
        self.assertEqual((row["events"], row["pruned"], row["stored"]), (3, 3, 0))

    def test_one_stream_only(self):
        answer = self.ask("prune", "--older-than", "1s", "--stream", "lb")
        self.assertEqual(answer, {"streams": [{"stream": "lb", "deleted": 1}]})
        self.assertEqual(len(self.rows("events")), 3)

    def test_bounds_that_are_not_ones(self):
        self.refused(2, "prune", says=["--older-than", "--max-size"])
        for age in ("old", "0s"):
            self.refused(2, "prune", "--older-than", age, says=["--older-than", age])
        for size in ("big", "5X", "-1", "", "5XB", "99999999999999G"):
            self.refused(2, "prune", f"--max-size={size}", says=["--max-size"])
        self.assertEqual(len(self.rows("events")), 4)


if __name__ == "__main__":
    unittest.main()
