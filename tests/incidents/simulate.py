"""Simulated incidents with known truth: logs of several hops, and which of them broke first, and when.

    tests/incidents/simulate.py LEVEL SEED FOLDER     writes FOLDER/<stream>.log and FOLDER/truth.json

Each level adds to the one before it what makes real incidents hard:

    1  a step out of nothing: three hops break one after the other
    2  each hop has failures all day, of several kinds; scanners come and go, on one hop or on two
    3  hops that break slowly; lines out of order; clocks that tell whole seconds
    4  background that comes in clumps and follows the day; a hop that falls silent; one that recovers;
       a small rise of something else an hour before
    5  short logs, or an incident that is over again; a scanner too
    0  nothing begins: the background and the scanners of level 4 alone
"""
import json
import math
import pathlib
import random
import sys
from datetime import datetime, timedelta, timezone

EPOCH = datetime(2026, 5, 20, tzinfo=timezone.utc)
STREAMS = ("edge", "lb", "ingress", "gateway", "mesh", "app")
# reason -> (class, leg, the words of a Go service)
KINDS = {
    "closed": ("transport", "downstream", "http: TLS handshake error from {peer}: EOF"),
    "reset": ("transport", "downstream", "http: TLS handshake error from {peer}: read tcp 10.0.0.9:443->"
              "{peer}: read: connection reset by peer"),
    "unsupported_version": ("protocol", "downstream", "http: TLS handshake error from {peer}: tls: client "
                            "offered only unsupported versions: [302 301]"),
    "no_shared_cipher": ("cipher", "downstream", "http: TLS handshake error from {peer}: tls: no cipher "
                         "suite supported by both client and server"),
    "not_tls": ("plaintext", "downstream", "http: TLS handshake error from {peer}: tls: first record does "
                "not look like a TLS handshake"),
    "unknown_ca": ("certificate", "upstream", "Get \"https://{host}/v1\": tls: failed to verify "
                   "certificate: x509: certificate signed by unknown authority"),
    "name_mismatch": ("hostname", "upstream", "Get \"https://{host}/v1\": tls: failed to verify "
                      "certificate: x509: certificate is valid for old.example.net, not {host}"),
    "expired": ("certificate", "upstream", "Get \"https://{host}/v1\": tls: failed to verify certificate: "
                "x509: certificate has expired or is not yet valid: current time 2026-05-20T10:00:00Z is "
                "after 2026-05-20T09:59:58Z"),
}


def iso(seconds, digits=6):
    text = (EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return (text[:len(text) - 6 + digits] if digits else text[:-7]) + "Z"


class Simulation:
    def __init__(self, level, seed):
        self.random = random.Random(f"{level}/{seed}")
        self.level = level
        self.hard = 4 if level == 0 else level
        self.hours = self.random.uniform(2, 10)
        self.over = level == 5 and self.random.random() < 0.5
        if level == 5 and not self.over:
            self.hours = self.random.uniform(0.35, 0.7)
        self.end = 6 * 3600 + self.hours * 3600
        self.begin = 6 * 3600
        n = 3 if self.hard == 1 else self.random.randint(3, 6)
        self.streams = self.random.sample(STREAMS, n)
        self.events = {s: [] for s in self.streams}
        self.truth = {"level": level, "seed": seed, "now": iso(self.end), "first": None, "order": []}

    # ---- times ----

    def poisson(self, rate, begin, end):
        """Times of a process whose rate at t is rate(t) a second, below its bound rate.most."""
        t = begin
        while True:
            t += self.random.expovariate(rate.most)
            if t >= end:
                return
            if self.random.random() * rate.most < rate(t):
                yield t

    def add(self, stream, kind, times, peers=None):
        for t in times:
            peer = self.random.choice(peers) if peers else f"203.0.113.{self.random.randint(1, 250)}"
            self.events[stream].append((t, kind, peer))

    # ---- what there is ----

    def background(self, stream):
        for kind in self.random.sample(sorted(KINDS), self.random.randint(1, 3)):
            a_minute = math.exp(self.random.uniform(math.log(0.05), math.log(20)))
            swing = self.random.uniform(0, 0.6) if self.hard >= 4 else 0
            rate = Day(a_minute / 60, swing, self.random.uniform(0, 86400))
            for t in self.poisson(rate, self.begin, self.end):
                clump = 1
                if self.hard >= 4:  # a client that retries
                    while clump < 8 and self.random.random() < 0.35:
                        clump += 1
                self.add(stream, kind, [min(t + i * self.random.uniform(0.1, 3), self.end - 1e-3)
                                        for i in range(clump)])

    def scanner(self, streams):
        margin = (self.end - self.begin) / 6
        at = self.random.uniform(self.begin + margin, self.end - 2 * margin)
        seconds = self.random.uniform(20, 240)
        peer = f"198.51.100.{self.random.randint(1, 250)}"
        for stream in streams:
            for kind in self.random.sample(["closed", "unsupported_version", "no_shared_cipher", "not_tls",
                                            "reset"], self.random.randint(2, 5)):
                rate = Flat(self.random.uniform(0.3, 4))
                self.add(stream, kind, self.poisson(rate, at, at + seconds), [peer])

    def incident(self):
        early, late = (420, 420) if self.hours < 1 else (2700, 900)
        onset = self.random.uniform(self.begin + early, self.end - late)
        lasts = self.random.uniform(240, 1500) if self.over else self.end
        lag = 0
        hit = self.random.sample(self.streams, len(self.streams) - (self.random.random() < 0.3))
        for i, stream in enumerate(hit):
            kind = self.random.choice(sorted(KINDS))
            a_second = math.exp(self.random.uniform(math.log(0.3), math.log(6)))
            slow_s = 0
            if self.hard in (3, 4) and i == 0 and self.random.random() < 0.5:
                slow_s = self.random.uniform(120, 900)
            begin, end = onset + lag, min(self.end, onset + lasts)
            if self.hard == 4 and i and self.random.random() < 0.2:
                end = min(self.end, begin + self.random.uniform(900, 1800))
            self.add(stream, kind, self.poisson(Ramp(a_second, begin, slow_s), begin, end))
            self.truth["order"].append({"stream": stream, "reason": kind, "class": KINDS[kind][0],
                                        "onset": iso(begin), "slow_s": slow_s})
            lag += self.random.uniform(8, 90) + slow_s / 2
        self.truth["first"] = self.truth["order"][0]

    def precursor(self):
        """Something else that fails a little more from some time before on."""
        at = self.random.uniform(self.begin + 1800, self.begin + 2400)
        self.add(self.random.choice(self.streams), "closed", self.poisson(Flat(0.5 / 60), at, self.end))

    def run(self):
        if self.hard >= 2:
            for stream in self.streams:
                self.background(stream)
            for _ in range(self.random.randint(1, 3)):
                self.scanner(self.random.sample(self.streams, self.random.choice((1, 1, 2))))
        if self.level == 4:
            self.precursor()
        if self.level:
            self.incident()
        return self

    # ---- the logs ----

    def write(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for stream in self.streams:
            digits = self.random.choice((0, 3, 6)) if self.hard >= 3 else 6
            late = 2.0 if self.hard >= 3 else 0
            rows = []
            for t, kind, peer in self.events[stream]:
                words = KINDS[kind][2].format(peer=f"{peer}:{self.random.randint(1025, 65000)}",
                                              host=f"svc-{self.random.randint(1, 4)}.example.net")
                line = json.dumps({"time": iso(t, digits), "level": "error", "msg": words})
                rows.append((t + self.random.uniform(0, late), line))
            for t in range(int(self.begin), int(self.end), 20):
                rows.append((t, json.dumps({"time": iso(t, digits), "level": "info", "msg": "served"})))
            rows.sort()
            (folder / f"{stream}.log").write_text("".join(line + "\n" for _, line in rows))
        (folder / "truth.json").write_text(json.dumps(self.truth, indent=1))


class Flat:
    def __init__(self, rate):
        self.most = rate

    def __call__(self, _):
        return self.most


class Day:
    """Follows the day: a sine of 24 hours."""

    def __init__(self, rate, swing, phase):
        self.rate, self.swing, self.phase = rate, swing, phase
        self.most = rate * (1 + swing)

    def __call__(self, t):
        return self.rate * (1 + self.swing * math.sin((t + self.phase) / 86400 * 2 * math.pi))


class Ramp:
    """From nothing at begin to its most after slow_s."""

    def __init__(self, most, begin, slow_s):
        self.most, self.begin, self.slow_s = most, begin, slow_s

    def __call__(self, t):
        return self.most * min(1, (t - self.begin) / self.slow_s) if self.slow_s else self.most


if __name__ == "__main__":
    Simulation(int(sys.argv[1]), int(sys.argv[2])).run().write(sys.argv[3])
