"""secure.py - listeners of the test's broker with TLS and passwords, and certificates that are wrong.

A listener each for the broker's certificate alone, for a client's too, and for a password over TLS.
The certificates are fixtures/lab/pki.py's.
"""
import pathlib
import shutil
import sys

from broker import free_port

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "fixtures" / "lab"))
from pki import Pki  # noqa: E402

USER, PASSWORD = "tlstrail", "a-secret"


class Secure:
    def __init__(self, folder):
        self.pki = Pki(str(folder))
        self.pki.key("shared")
        self.pki.ca("root")
        self.pki.ca("rogue")  # nobody trusts it
        self.pki.cert("good", "root", names=("127.0.0.1",))
        self.pki.cert("expired", "root", "past", names=("127.0.0.1",))
        self.pki.cert("client", "root", names=("device-7",))
        self.pki.cert("stranger", "rogue", names=("device-7",))
        self.at = {name: f"127.0.0.1:{free_port()}" for name in ("SERVER", "MUTUAL", "LOGIN")}
        self.listeners = [f"{name}://{at}" for name, at in self.at.items()]
        self.settings = {
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
                                              "SERVER:SSL,MUTUAL:SSL,LOGIN:SASL_SSL",
            "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.mutual.ssl.client.auth": "required",
            "listener.name.login.plain.sasl.jaas.config":
                "org.apache.kafka.common.security.plain.PlainLoginModule required"
                f' user_{USER}="{PASSWORD}";',
            "listener.name.login.scram-sha-512.sasl.jaas.config":
                "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        }
        for store, file in (("keystore", "broker.pem"), ("truststore", "root.leaf.pem")):
            self.settings[f"ssl.{store}.type"] = "PEM"
            self.settings[f"ssl.{store}.location"] = self.pki.path(file)
        self.serve("good")
        self.users = ("--add-scram", f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]")

    def serve(self, cert):
        """The certificate that the broker shows from its next start on."""
        self.serves = cert
        shutil.copy(self.pki.path(cert + ".both.pem"), self.pki.path("broker.pem"))

    def tls(self, ca="root", **more):
        return {"security.protocol": "SSL", "ssl.ca.location": self.pki.path(ca + ".leaf.pem"),
                **{key.replace("_", "."): value for key, value in more.items()}}

    def mutual(self, cert):
        return self.tls(ssl_certificate_location=self.pki.path(cert + ".pem"),
                        ssl_key_location=self.pki.path(cert + ".key"))

    def login(self, mechanism="PLAIN", password=PASSWORD):
        return {**self.tls(), "security.protocol": "SASL_SSL", "sasl.mechanism": mechanism,
                "sasl.username": USER, "sasl.password": password}
