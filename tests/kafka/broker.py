"""broker.py - one real Apache Kafka 4 node (KRaft) on loopback for the tests.

The jars come from Maven Central by pom.xml, once, into JARS; the data is a folder of the test. The
node listens on free ports of 127.0.0.1. Topics and groups are made and changed by $KAFKA_CLIENT
(admin.c): Kafka's own tools start a JVM for each call.
"""
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
JARS = pathlib.Path(os.environ.get("TLSTRAIL_KAFKA_JARS", HERE.parent.parent / "build" / "kafka"))
START_S = 90


def install():
    """Copies the jars into JARS unless those of this pom.xml are there."""
    pom, done = (HERE / "pom.xml").read_text(), JARS / "complete.xml"
    if not done.exists() or done.read_text() != pom:
        JARS.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies",
             f"-DoutputDirectory={JARS}"],
            check=True, stdin=subprocess.DEVNULL)
        done.write_text(pom)


def free_port():
    """Below the range that the system gives to outgoing connections: those can't take it until the
    broker listens, and while it is down."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def _java(main, *args):
    return ["java", "-Xmx512m", "-Xms128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-cp", f"{JARS}/*", main, *args]


class Broker:
    """start() again after stop() or kill() keeps the data and the ports; it does nothing where the
    broker runs."""

    def __init__(self, folder, secure=None, **settings):
        """secure: what secure.py adds to the configuration, or None."""
        install()
        self.folder = pathlib.Path(folder)
        self.port, self.controller = free_port(), free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.process = None
        config = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.address},CONTROLLER://127.0.0.1:{self.controller}",
            "log.dirs": str(self.folder / "data"),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "broker.heartbeat.interval.ms": "200",
            "broker.session.timeout.ms": "1000",  # a killed broker is let in again after that
            "auto.create.topics.enable": "false",
            "message.max.bytes": str(64 << 20),
            "socket.request.max.bytes": str(128 << 20),
            "log.retention.check.interval.ms": "1000",
            "log.segment.delete.delay.ms": "100",
            "file.delete.delay.ms": "100",
            "num.network.threads": "2",
            "num.io.threads": "2",
            "log.cleaner.enable": "false",
        }
        config.update({key.replace("_", "."): str(value) for key, value in settings.items()})
        if secure:
            config["listeners"] += "".join(f",{at}" for at in secure.listeners)
            config.update(secure.settings)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.properties = self.folder / "server.properties"
        self.properties.write_text("".join(f"{k}={v}\n" for k, v in config.items()))
        subprocess.run(
            _java("kafka.tools.StorageTool", "format", "-t", "dGxzdHJhaWwtdGVzdC1jbHU", "-c",
                  str(self.properties), *(secure.users if secure else ())),
            check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def start(self):
        if self.process and self.process.poll() is None:
            return self
        with open(self.folder / "broker.log", "ab") as log:
            self.process = subprocess.Popen(
                _java("kafka.Kafka", str(self.properties)), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            time.sleep(0.2)
        raise RuntimeError(f"the broker did not start; see {self.folder}/broker.log")

    def stop(self):
        self._end(signal.SIGTERM)

    def kill(self):
        self._end(signal.SIGKILL)

    def _end(self, how):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def admin(self, *words):
        """A command of admin.c; gives what it prints."""
        done = subprocess.run([os.environ["KAFKA_CLIENT"], self.address, *map(str, words)],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def create_topic(self, topic, partitions=1, **settings):
        self.admin("create", topic, partitions,
                   *(f"{key.replace('_', '.')}={value}" for key, value in settings.items()))

    def __enter__(self):
        return self.start()

    def __exit__(self, *why):
        self.remove()
