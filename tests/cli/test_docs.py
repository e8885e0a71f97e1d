"""docs/json.md states each answer's shape: the real answers have the fields that it shows."""
import json
import re
import unittest

from tool import HAPROXY, NGINX_DOWNSTREAM, NGINX_UPSTREAM, NOW, OTHER, SOURCE, Case

PAGE = (SOURCE / "docs" / "json.md").read_text()
SHOWN = {name: json.loads(text)
         for name, text in re.findall(r"^## ([\w-]+)\n.*?^```json\n(.*?)^```", PAGE, re.M | re.S)}
FREE = {"detail"}  # a source's own


def shape(value, key=None):
    """Names only: an array is what its first item is; texts, numbers and null are alike."""
    if key in FREE:
        return "free"
    if isinstance(value, dict):
        return {k: shape(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "value"


class Docs(Case):
    maxDiff = None

    def test_every_answer_has_the_shape_that_the_page_shows(self):
        later = NGINX_UPSTREAM.replace("04:12:02", "04:12:07")
        got = {"ingest": self.ingest("ingress", NGINX_UPSTREAM, OTHER, later, NGINX_DOWNSTREAM)}
        self.ingest("lb", HAPROXY, OTHER)
        now = ["--now", NOW]
        got["deploy"] = self.json("deploy", "add", "v2", "--at", "04:00", *now)
        for name, args in (("groups", []), ("timeline", ["--by", "stream"]),
                           ("compare", ["ingress", "lb"]), ("doctor", ["--stream", "lb"])):
            got[name] = self.json(name, *args, *now)
        got["status"] = self.json("status")
        got["prune"] = self.json("prune", "--older-than", "1d", *now)
        got["rules"] = self.json("rules", "list", "--output", "json")
        got["events"] = self.rows("events")[0]
        for name in ("classify", "explain"):
            got[name] = self.rows(name, stdin=NGINX_UPSTREAM)[0]
        for name, shown in SHOWN.items():
            if name in got:
                self.assertEqual(shape(got[name]), shape(shown), name)
                self.assertEqual(list(got[name]), list(shown), f"{name}: in this order")

    def test_the_page_has_every_command_that_answers(self):
        commands = re.findall(r"^  ([a-z-]+)  +\S", self.ok("help"), re.M)
        answering = set(commands) - {"follow", "tail", "help"}
        self.assertEqual(answering - set(SHOWN), set())
        for name in ("tail", "follow"):
            self.assertIn(f"Also `{name}`", PAGE)

    def test_the_rows_of_an_example_are_possible(self):
        for name in ("classify", "explain", "events"):
            row = self.rows("classify", stdin=NGINX_UPSTREAM)[0]
            del row["line"]
            self.assertEqual({k: SHOWN[name][k] for k in row}, row, name)


if __name__ == "__main__":
    unittest.main()
