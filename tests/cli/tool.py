"""Runs the tlstrail binary at $TLSTRAIL; what the tests of this folder share."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

BINARY = os.environ["TLSTRAIL"]
SOURCE = pathlib.Path(__file__).resolve().parents[2]
INCIDENT = SOURCE / "fixtures" / "incident"
NOW = "2026-04-18T04:26:00Z"

# One line of each kind, with what it means by the taxonomy.
NGINX_UPSTREAM = (
    '2026/04/18 04:12:02 [error] 29#29: *90877 SSL_do_handshake() failed (SSL: error:0A000418:SSL '
    "routines::tlsv1 alert unknown ca:SSL alert number 48) while SSL handshaking to upstream, "
    'client: 10.0.3.9, server: shop.example.com, request: "POST /pay HTTP/2.0", upstream: '
    '"https://10.244.2.19:8443/pay", host: "shop.example.com"')
NGINX_DOWNSTREAM = (
    "2026/04/18 04:12:04 [info] 29#29: *90879 SSL_do_handshake() failed (SSL: error:0A000102:SSL "
    "routines::unsupported protocol) while SSL handshaking, client: 203.0.113.9, server: "
    "0.0.0.0:443")
HAPROXY = (
    "Apr 18 04:12:25 lb-1 haproxy[2211]: 203.0.113.9:53112 [18/Apr/2026:04:12:25.127] fe_https/1: "
    "Connection closed during SSL handshake")
OTHER = "2026/04/18 04:12:03 [notice] 29#29: signal process started"


class Case(unittest.TestCase):
    """A test with a scratch folder and a store in it."""

    def setUp(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="tlstrail-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self.env = {"PATH": os.environ["PATH"], "TLSTRAIL_STORE": str(self.dir / "store"),
                    "LC_ALL": "C.UTF-8", "TZ": "America/New_York"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def run_tool(self, *args, stdin=b"", **env):
        if isinstance(stdin, str):
            stdin = stdin.encode()
        return subprocess.run([BINARY, *map(str, args)], input=stdin, capture_output=True,
                              env={**self.env, **env}, cwd=self.dir, timeout=300, check=False)

    def ok(self, *args, stdin=b"", status=0, **env):
        """Standard output as text, of a run with the status and without a word on stderr."""
        done = self.run_tool(*args, stdin=stdin, **env)
        self.assertEqual((done.returncode, done.stderr.decode()), (status, ""), args)
        return done.stdout.decode()

    def json(self, *args, **kwargs):
        return json.loads(self.ok(*args, **kwargs))

    def rows(self, *args, **kwargs):
        return [json.loads(line) for line in self.ok(*args, **kwargs).splitlines()]

    def refused(self, status, *args, stdin=b"", says=(), **env):
        """One line on stderr that says all of `says`, and the exit status."""
        done = self.run_tool(*args, stdin=stdin, **env)
        text = done.stderr.decode()
        self.assertEqual(done.returncode, status, (args, text))
        self.assertTrue(text.startswith("tlstrail: ") and text.endswith("\n"), text)
        self.assertEqual(text.count("\n"), 1, text)
        for words in says:
            self.assertIn(words, text)
        return text

    def file(self, name, content):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def ingest(self, stream, *lines):
        """Adds lines to the stream, in a file of its own."""
        path = self.file(f"logs/{stream}-{len(list(self.dir.glob('logs/*')))}.log",
                         "".join(line + "\n" for line in lines))
        return self.json("ingest", f"{stream}={path}", "--now", NOW)
