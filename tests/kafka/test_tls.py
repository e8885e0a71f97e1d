"""test_tls.py - a broker that speaks TLS and asks for a certificate or a password: what is read, and
what is said where something is wrong."""
import subprocess
import unittest

from group import BINARY, BrokerCase, until
from secure import Secure


class Tls(BrokerCase):
    @classmethod
    def secured(cls):
        return Secure(cls.dir / "pki")

    def through(self, listener, properties, name=None, host="127.0.0.1"):
        brokers = self.secure.at.get(listener, self.broker.address)
        return self.consumer(name or listener.lower(), group=f"{self.topic}-{name or listener}",
                             brokers=brokers.replace("127.0.0.1", host), properties=properties)

    def test_each_kind_of_listener_is_read(self):
        self.make_topic(2)
        self.send_numbers(0, 500, 2)
        for c in (self.through("SERVER", self.secure.tls()),
                  self.through("MUTUAL", self.secure.mutual("client")),
                  self.through("LOGIN", self.secure.login())):
            c.start()
            until(lambda: c.count() == 500, "500 records", [c])
            c.stop()
            self.ledger([c], 500)
            self.assertEqual(c.said(), "")

    def test_scram_is_read_or_the_library_is_named(self):
        self.make_topic(1)
        self.send_numbers(0, 10)
        c = self.through("LOGIN", self.secure.login("SCRAM-SHA-512")).start()
        until(lambda: c.count() == 10 or "can't do SCRAM with Kafka 4" in c.said(), "either", [c])

    def test_what_is_wrong_is_one_line_with_where_and_what_to_set(self):
        self.make_topic(1)
        pki = self.secure
        wrong = {
            "ca": ("SERVER", pki.tls("rogue"), "a CA that isn't trusted here: set ssl.ca.location"),
            "no-cert": ("MUTUAL", pki.tls(), "or wants one: set ssl.certificate.location"),
            "stranger": ("MUTUAL", pki.mutual("stranger"), "refuses our client certificate"),
            "password": ("LOGIN", pki.login(password="x"), "check sasl.username and sasl.password"),
            "name": ("SERVER", pki.tls(), "has another name"),
            "to-plain": ("PLAINTEXT", pki.tls(), "does its port speak TLS?"),
            "to-tls": ("SERVER", {}, "set security.protocol to SSL"),
        }
        consumers = {name: self.through(listener, properties, name,
                                        "localhost" if name == "name" else "127.0.0.1").start()
                     for name, (listener, properties, _) in wrong.items()}
        for name, (_, _, words) in wrong.items():
            c = consumers[name]
            until(lambda: words in c.said(), words, [c])
            row = until(lambda: c.status().get("waiting"), "a row of status", [c])[0]
            self.assertIn(words, row["why"])
            self.assertIn(row["source"].removeprefix("kafka "), c.said())
        for c in consumers.values():  # the last were told after seconds of trying
            self.assertEqual(len(c.said().splitlines()), 1, c.said())
            c.stop()
            self.assertEqual(c.status().get("waiting", []), [])

    def test_a_certificate_that_expired_is_waited_for_until_it_is_renewed(self):
        self.make_topic(2)
        self.send_numbers(0, 100, 2)
        c = self.through("SERVER", self.secure.tls()).start()
        until(lambda: c.count() == 100, "100 records", [c])
        self.addCleanup(self.serve, "good")
        self.serve("expired")
        self.send_numbers(100, 100, 2)
        until(lambda: "its certificate has expired" in c.said(), "a word of it", [c])
        until(lambda: any("expired" in row["why"] for row in c.status()["waiting"]), "status", [c])
        self.serve("good")
        until(lambda: c.count() == 200, "the rest", [c])
        until(lambda: c.status()["waiting"] == [], "nothing is waited for", [c])
        c.stop()
        self.ledger([c], 200)

    def serve(self, cert):
        if self.secure.serves != cert:
            self.broker.kill()
            self.secure.serve(cert)
            self.broker.start()

    def test_a_file_that_is_not_there_is_refused_at_once(self):
        c = self.through("SERVER", {**self.secure.tls(), "ssl.ca.location": "/no/such.pem"})
        done = subprocess.run([BINARY, "follow", "--config", c.config, "--store", c.store],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("ssl.ca.location", done.stderr)


if __name__ == "__main__":
    unittest.main()
