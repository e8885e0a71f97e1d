#!/usr/bin/env python3
"""seeds.py OUT - writes the fuzz targets' seed corpora: OUT/<what>/ for fuzz_<what>.

The seeds are the samples of the rule packs and the heads of the fixtures' files, so that nothing
needs to be kept beside them; a target without seeds of its own starts from nothing.
"""
import gzip
import hashlib
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LONGEST = 4096


def sample_lines():
    """The value of each `line:` and `- line:` of the packs: quoted with " or ', or bare."""
    for pack in sorted((ROOT / "parsers/packs").glob("*.yaml")):
        for match in re.finditer(r"^\s*(?:- )?line: (.+)$", pack.read_text(), re.M):
            text = match.group(1).strip()
            if text[0] == '"' and text[-1] == '"':
                text = re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t"}.get(m[1], m[1]), text[1:-1])
            elif text[0] == "'" and text[-1] == "'":
                text = text[1:-1].replace("''", "'")
            yield text.encode()


def patterns():
    """Each pattern of the packs, in single quotes as they all are."""
    for pack in sorted((ROOT / "parsers/packs").glob("*.yaml")):
        for match in re.finditer(r"^ *(?:match|unless): '(.+)'$", pack.read_text(), re.M):
            yield match.group(1).replace("''", "'").encode()


def fixture_heads():
    for path in sorted((ROOT / "fixtures").rglob("*")):
        if path.is_file() and ".log" in path.name:
            with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as f:
                yield f.read(LONGEST)


CONFIGS = [
    b"store: ./store\nstreams:\n  - name: edge\n    files: [/var/log/*.log, '/x/y z']\n    tz: UTC\n",
    b"streams:\n  - name: lb\n    start: end\n    keep: 7d\n    keep_bytes: 10GB\n    files:\n"
    b"      - a.log\npoll_ms: 500\n",
    b"kafka:\n  - brokers: a:9092\n    group: g\n    topics: [edge, lb]\n    stream: edge\n",
]


OTLP = [
    b'{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"edge"}}]},'
    b'"scopeLogs":[{"logRecords":[{"timeUnixNano":"1776485522000000000","severityText":"ERROR","body":'
    b'{"stringValue":"TLS handshake error"},"attributes":[{"key":"a","value":{"intValue":"7"}}]},{}]}]}]}',
]


def zones():
    for name in ("Europe/Berlin", "America/New_York", "Asia/Kolkata", "Africa/Casablanca"):
        path = pathlib.Path("/usr/share/zoneinfo") / name
        if path.exists():
            yield path.read_bytes()


def write(folder, seeds):
    folder.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        (folder / hashlib.sha1(seed).hexdigest()[:16]).write_bytes(seed)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    lines, heads = list(sample_lines()), list(fixture_heads())
    pairs = [a + b"\n" + b + b"\n" for a, b in zip(lines, lines[1:])]
    packs = [p.read_bytes() for p in sorted((ROOT / "parsers/packs").glob("*.yaml"))]
    write(out / "time", [line[:64] for line in lines])
    write(out / "flatten", lines + heads)
    write(out / "record", pairs + heads)
    write(out / "classifier", lines + pairs + heads)
    write(out / "pack", [p[:LONGEST] for p in packs])
    write(out / "gz", [gzip.compress(head, mtime=0) for head in heads])
    write(out / "config", CONFIGS)
    write(out / "otlp", OTLP)
    write(out / "zone", zones())
    write(out / "ways", [p[:1024] + b"\n" + line[:512] for p, line in zip(patterns(), lines)])


if __name__ == "__main__":
    main()
