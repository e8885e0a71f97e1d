"""The help, the version, and what a mistyped command line is told."""
import unittest

from tool import Case

COMMANDS = ["ingest", "follow", "first-spike", "explain", "classify", "events", "tail", "groups",
            "timeline", "compare", "deploy", "status", "doctor", "prune", "rules", "help"]


class Help(Case):
    def test_every_command_is_listed(self):
        text = self.ok("help")
        listed = [line.split()[0] for line in text.split("Commands:\n")[1].split("\n\n")[0]
                  .splitlines()]
        self.assertEqual(listed, COMMANDS)
        self.assertEqual(self.ok("--help"), text)
        self.assertEqual(self.ok("-h"), text)

    def test_every_command_has_a_help_with_an_example(self):
        for command in COMMANDS:
            text = self.ok("help", command)
            self.assertEqual(self.ok(command, "--help"), text)
            self.assertTrue(text.startswith(f"tlstrail {command}"), text)
            self.assertIn("\nOptions:\n", text)
            example = text.split("\nExample:\n")[1]
            self.assertIn(f"tlstrail {command}", example)
            for line in text.splitlines():
                self.assertLessEqual(len(line), 125, line)

    def test_help_shows_every_option_that_a_command_takes(self):
        text = self.ok("help", "groups")
        for option in ("--by", "--since", "--until", "--stream", "--rejected-by", "--tls-version",
                       "--store", "--output", "--now", "--limit"):
            self.assertIn(option, text)
        self.assertNotIn("--config", text)

    def test_the_version(self):
        self.assertRegex(self.ok("--version"), r"\Atlstrail \d+\.\d+\.\d+\n\Z")


class Mistyped(Case):
    def test_no_command(self):
        self.refused(2, says=["no command", "tlstrail help"])

    def test_a_command_that_is_not_one(self):
        self.refused(2, "frist-spike", says=["frist-spike", "did you mean first-spike?"])
        self.refused(2, "clasify", says=["did you mean classify?"])
        self.refused(2, "help", "evnts", says=["did you mean events?"])
        self.assertNotIn("did you mean", self.refused(2, "xyzzyplugh"))

    def test_an_option_that_is_not_one(self):
        self.refused(2, "groups", "--bye", "host", says=["--bye", "did you mean --by?"])
        self.refused(2, "events", "--steam=lb", says=["did you mean --stream?", "help events"])
        self.refused(2, "events", "-x", says=["-x: no such option"])

    def test_an_option_of_another_command(self):
        self.refused(2, "status", "--by", "host", says=["--by: no such option", "help status"])

    def test_a_missing_or_needless_value(self):
        self.refused(2, "groups", "--by", says=["--by: needs a value"])
        self.refused(2, "tail", "--follow=yes", says=["takes no value"])

    def test_words_too_many_or_too_few(self):
        self.refused(2, "ingest", says=["STREAM=PATH"])
        self.refused(2, "events", "lb", says=["too many words"])
        self.refused(2, "compare", says=["STREAM"])
        self.refused(2, "rules", "eat", says=["rules list", "rules check"])
        self.refused(2, "deploy", "remove", "x", says=["deploy add NAME"])

    def test_values_that_are_not_ones(self):
        self.refused(2, "classify", "--output", "xml", says=["table, json, ndjson, csv"])
        self.refused(2, "classify", "--now", "later", says=["--now", "later"])
        self.refused(2, "classify", "--tz", "Mars/Olympus", says=["--tz", "Mars/Olympus"])

    def test_two_dashes_end_the_options(self):
        self.file("--odd.log", "nothing here\n")
        self.assertEqual(self.rows("classify", "--", "--odd.log"), [{"line": 1, "failure": False}])


if __name__ == "__main__":
    unittest.main()
