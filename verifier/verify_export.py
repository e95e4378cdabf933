#!/usr/bin/env python3
"""Checks an export of Countersign's record with nothing but Python's standard library (3.8 or newer).

    python verify_export.py FILE [--checkpoints FOLDER] [--public-key HEX] [--json]

It finds edits, deletions, insertions, reordering and a cut tail, names the first bad event of each stream, and says
what it cannot prove. Exit code 0: as it was written; 1: something is not; 2: this is not such a file.
Give it checkpoints and the public key from a place that whoever made the file cannot write to.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import uuid
from itertools import islice
from pathlib import Path

FORMAT = 1
GENESIS = bytes(32)
WINDOW = 1000
CONTEXT = b"countersign checkpoint\n"
# The stream on which the removal of other streams is written down.
RETENTION = str(uuid.uuid5(uuid.UUID("5f0b4f6e-6d2e-5c0c-9f5e-0c6a1f3d7b11"), "audit:retention"))


class Unreadable(Exception):
    """The file is not an export, or a line of it cannot be read."""


class Report:
    """What was looked at, what was found, what could not be shown."""

    def __init__(self):
        self.findings = []
        self.unproven = []
        self.counts = dict.fromkeys(("keys", "checkpoints", "streams", "events", "contents"), 0)
        self.bad_streams = set()

    def add(self, problem, text, stream="", kind="", seq=0):
        if stream:
            if stream in self.bad_streams:
                return
            self.bad_streams.add(stream)
        self.findings.append({"problem": problem, "stream": stream, "kind": kind, "seq": seq, "text": text})


# ---- the chain of one stream ----
class Event:
    """One event of the file. Its payload is hashed as it is stored, so nothing is formatted anew."""

    def __init__(self, line):
        self.seq, self.at, self.cause = _whole(line["seq"]), _whole(line["at"]), _whole(line["cause"])
        self.version = _whole(line["version"])
        self.stream, self.type, self.actor = str(line["stream"]), str(line["type"]), str(line["actor"])
        self.payload = line["payload"].encode()
        self.hash = bytes.fromhex(line["hash"])

    def hash_after(self, previous, seq=0):
        envelope = [self.stream, seq or self.seq, self.type, self.version, self.actor, self.cause, self.at]
        text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(previous + text.encode() + self.payload).digest()


def first_fault(stream, events):
    """(seq, problem, text) of the first event that is not as it was written, None when all follow each other."""
    first, last, head = (_whole(stream[name]) for name in ("first", "last", "head"))
    previous = bytes.fromhex(stream["before"])
    expected = first
    rest = iter(events)
    for event in rest:
        if event.seq > last:
            if event.seq == expected and event.hash_after(previous) == event.hash:
                return (
                    event.seq,
                    "head",
                    "It follows from the one before it, yet the stream's row ends at %d." % head,
                )
            if expected <= last:
                return expected, "deleted", "%s missing before event %d." % (_span(expected, last), event.seq)
            return event.seq, "inserted", "It lies beyond the stream's head %d and was never appended." % head
        if event.seq != expected:
            if event.seq < expected:
                return event.seq, "reordered", "Event %d comes after event %d." % (event.seq, expected - 1)
            held = list(islice(rest, WINDOW))
            if any(later.seq == expected for later in held):
                return (
                    expected,
                    "reordered",
                    "Event %d stands where event %d belongs." % (event.seq, expected),
                )
            return (
                expected,
                "deleted",
                "%s missing before event %d." % (_span(expected, event.seq - 1), event.seq),
            )
        if event.hash_after(previous) != event.hash:
            return _explain(previous, event, list(islice(rest, WINDOW)))
        previous = event.hash
        expected += 1
    if expected <= last:
        return expected, "cut tail", "%s missing at the end." % _span(expected, last)
    if last == head and previous != bytes.fromhex(stream["hash"]):
        return head, "edited", "The stream's row names another hash than its last event has."
    return None


def _explain(previous, bad, after):
    """What became of the event that should stand where `bad` stands."""
    place = bad.seq
    following = after[0] if after and after[0].seq == place + 1 else None
    if following and following.hash_after(bad.hash_after(previous)) == following.hash:
        return place, "edited", "Its stored hash was overwritten; its content fits its neighbours."
    for at, event in enumerate(after):
        if event.hash_after(previous, place) != event.hash:
            continue
        before = event.hash if at == 0 else after[at - 1].hash
        if bad.hash_after(before, event.seq) == bad.hash:
            return place, "reordered", "Events %d and %d stand in each other's place." % (place, event.seq)
        return place, "inserted", "It was put in; the event that belongs there stands at %d." % event.seq
    if following:
        for missing in range(1, WINDOW):
            if following.hash_after(bad.hash, following.seq + missing) == following.hash:
                text = "%s missing, and the later ones were given other numbers."
                return place, "deleted", text % _span(place, place + missing - 1)
    return place, "edited", "It does not follow from the one before it: one of the two was changed."


def _counted(number, things):
    """ "1 event", "2 events"."""
    return "%d %s" % (number, things[:-1] if number == 1 else things)


def _span(first, last):
    return "Event %d is" % first if first == last else "Events %d to %d are" % (first, last)


def _whole(value):
    if type(value) is not int:
        raise ValueError("not a whole number: %r" % (value,))
    return value


# ---- signed checkpoints ----
class Checkpoint:
    """A signed list of all heads. What it knows of a stream is (head, hash)."""

    def __init__(self, document, key, signature, digest=""):
        self.document, self.key, self.signature = document, key, signature
        self.digest = digest or hashlib.sha256(document).hexdigest()
        lines = document.decode().splitlines()
        header = json.loads(lines[0])
        self.taken_at, self.previous = str(header["taken_at"]), str(header["previous"])
        self.heads = {}
        for line in lines[1:]:
            stream, head, hash_ = line.split(" ")
            self.heads[stream] = (int(head), hash_)

    def about(self, text):
        return "Checkpoint %s of %s: %s" % (self.digest[:16], self.taken_at, text)


def read_checkpoints(folder):
    """The checkpoints that were exported into a folder, or one such file."""
    files = sorted(folder.glob("*.checkpoint")) if folder.is_dir() else [folder]
    for file in files:
        try:
            document, _, last = file.read_bytes().rstrip(b"\n").rpartition(b"\n")
            word, key, signature = last.decode().split(" ")
            if word != "signature":
                raise ValueError(word)
            yield Checkpoint(document + b"\n", key, base64.b64decode(signature, validate=True))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unreadable("%s is not an exported checkpoint: %s" % (file, error)) from None


class Heads:
    """What valid checkpoints say: which hash a stream had at which event."""

    def __init__(self):
        self.known = {}
        self.newest = {}

    def learn(self, checkpoint):
        for stream, (head, hash_) in checkpoint.heads.items():
            self.known.setdefault(stream, {}).setdefault(head, (hash_, checkpoint.taken_at))
            self.newest[stream] = max(head, self.newest.get(stream, 0))


def judge(checkpoint, keys, report):
    """Whether a checkpoint may be compared with: its list is what its digest says, and no signature speaks against it."""
    if hashlib.sha256(checkpoint.document).hexdigest() != checkpoint.digest:
        report.add(
            "edited", checkpoint.about("its list of heads is not what its digest says."), kind="checkpoint"
        )
        return False
    public = keys.get(checkpoint.key)
    if public is None:
        report.unproven.append(
            checkpoint.about("signed by the key %s, which is not known here." % checkpoint.key)
        )
        return True
    if not is_signed(public, checkpoint.signature, CONTEXT + checkpoint.document):
        report.add(
            "edited",
            checkpoint.about("its signature is not one of key %s." % checkpoint.key),
            kind="checkpoint",
        )
        return False
    return True


# ---- the file ----
class Lines:
    """The file line by line, with the digest over what was read."""

    def __init__(self, file):
        self.file, self.number, self.digest, self.before = file, 0, hashlib.sha256(), b""

    def __iter__(self):
        for raw in self.file:
            self.number += 1
            self.before = self.digest.hexdigest()
            self.digest.update(raw)
            try:
                line = json.loads(raw.decode())
                if not isinstance(line, dict):
                    raise ValueError("not an object")
                kind = str(line["line"])
            except (ValueError, KeyError, RecursionError) as error:
                raise Unreadable("Line %d cannot be read: %s." % (self.number, error)) from None
            yield kind, line


class Verifier:
    """Reads the file once, from its first line to its last; memory does not grow with the number of events."""

    def __init__(self, given_keys, given_checkpoints):
        self.report = Report()
        self.given = {hashlib.sha256(key).hexdigest()[:16]: key for key in given_keys}
        self.keys = dict(self.given)
        self.given_checkpoints = given_checkpoints
        self.heads = Heads()
        self.listed, self.previous, self.signers = set(), "", set()
        self.seen, self.last_stream, self.removed = {}, "", {}
        self.scope, self.made_at, self.manifest, self.is_closed = {}, "", None, False
        self.missing_contents, self.beyond = 0, 0

    def read(self, file):
        lines = Lines(file)
        rest = iter(lines)
        kind, line = next(rest, ("", {}))
        if (
            kind != "export"
            or line.get("countersign_export") != FORMAT
            or not isinstance(line.get("scope"), dict)
        ):
            raise Unreadable(
                "This is not an export of Countersign's record, or of a newer form than this program knows."
            )
        self.scope, self.made_at = line["scope"], str(line.get("made_at"))
        try:
            self._read_on(rest, lines)
        except Unreadable as error:
            self.report.add("edited", "%s Nothing after it was looked at." % error)
            self._say_unproven()
        else:
            self._conclude()
        return self.report

    def _read_on(self, rest, lines):
        held = next(rest, None)
        is_past_checkpoints = False
        while held is not None:
            kind, line = held
            if self.is_closed:
                self.report.add("inserted", "Line %d comes after the closing line." % lines.number)
                break
            if kind not in ("key", "checkpoint") and not is_past_checkpoints:
                is_past_checkpoints = True
                self._compare_given()
            try:
                held = self._take(kind, line, rest, lines)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                text = "Line %d cannot be read: %s: %s." % (lines.number, type(error).__name__, error)
                raise Unreadable(text) from None

    def _take(self, kind, line, rest, lines):
        counts = self.report.counts
        if kind == "stream":
            counts["streams"] += 1
            return self._stream(line, rest)
        if kind == "event":
            event = Event(line)
            text = "Event %d stands outside its stream, which is not in the file or ended before." % event.seq
            self.report.add("inserted", text, event.stream, "", event.seq)
            counts["events"] += 1
        elif kind == "key":
            counts["keys"] += 1
            public = bytes.fromhex(line["public_key"])
            self.keys.setdefault(hashlib.sha256(public).hexdigest()[:16], public)
        elif kind == "checkpoint":
            counts["checkpoints"] += 1
            self._checkpoint(line)
        elif kind == "content":
            counts["contents"] += 1
            self._content(line)
        elif kind == "manifest":
            self.manifest = {name: _whole(line[name]) for name in counts}
        elif kind == "end":
            self.is_closed = True
            if line["sha256"] != lines.before:
                self.report.add(
                    "edited", "The file's closing digest does not fit: it was changed after it was written."
                )
        else:
            self.report.add("inserted", "Line %d is of no kind that this program knows." % lines.number)
        return next(rest, None)

    def _checkpoint(self, line):
        signature = base64.b64decode(line["signature"])
        checkpoint = Checkpoint(line["document"].encode(), str(line["key"]), signature, str(line["digest"]))
        self.listed.add(checkpoint.digest)
        if checkpoint.previous != self.previous:
            self.report.add(
                "deleted", checkpoint.about("one that came before it is gone."), kind="checkpoint"
            )
        self.previous = checkpoint.digest
        if judge(checkpoint, self.keys, self.report):
            self.signers.add(checkpoint.key)
            self.heads.learn(checkpoint)

    def _compare_given(self):
        """Checkpoints from elsewhere, as far as they are older than the file."""
        for checkpoint in self.given_checkpoints:
            if checkpoint.digest in self.listed or checkpoint.taken_at > self.made_at:
                continue
            self.report.add(
                "deleted", checkpoint.about("it was exported, and is not in the file."), kind="checkpoint"
            )
            if judge(checkpoint, self.keys, self.report):
                self.heads.learn(checkpoint)

    def _stream(self, line, rest):
        """One stream with its events; returns the line after them."""
        stream, kind = str(line["stream"]), str(line["kind"])
        if stream <= self.last_stream:
            self.report.add("reordered", "The stream comes twice, or out of order.", stream, kind)
        self.last_stream = stream
        known = self.heads.known.get(stream, {})
        seen, following = {}, [None]
        after = [0]

        def events():
            for one, fields in rest:
                if one != "event" or fields.get("stream") != stream:
                    following[0] = (one, fields)
                    return
                event = Event(fields)
                self.report.counts["events"] += 1
                after[0] = max(after[0], event.seq)
                if event.seq in known:
                    seen[event.seq] = event.hash.hex()
                if stream == RETENTION and event.type == "stream.removed":
                    for gone in json.loads(event.payload.decode())["removed"]:
                        self.removed[str(gone["stream"])] = (_whole(gone["head"]), str(gone["hash"]))
                yield event

        reading = events()
        fault = first_fault(line, reading)
        for _ in reading:
            pass
        if fault:
            seq, problem, text = fault
            self.report.add(problem, text, stream, kind, seq)
        self._against_checkpoints(line, stream, kind, known, seen)
        self.beyond += max(0, after[0] - max(self.heads.newest.get(stream, 0), line["first"] - 1))
        self.seen[stream] = None
        return following[0]

    def _against_checkpoints(self, line, stream, kind, known, seen):
        for head in sorted(known):
            hash_, taken_at = known[head]
            if head in seen and seen[head] != hash_:
                text = "It is not the one in the checkpoint of %s: the chain was rewritten." % taken_at
                self.report.add("edited", text, stream, kind, head)
            elif head not in seen and head > line["last"] == line["head"]:
                text = "The checkpoint of %s knows event %d; the stream ends before it." % (taken_at, head)
                self.report.add("cut tail", text, stream, kind, line["last"] + 1)

    def _content(self, line):
        if line["data"] is None:
            return
        data = base64.b64decode(line["data"], validate=True)
        if hashlib.sha256(data).hexdigest() != line["digest"]:
            self.report.add(
                "edited", "The content %s is not what its digest says." % line["digest"], kind="content"
            )

    def _conclude(self):
        report = self.report
        if not self.is_closed:
            report.add(
                "cut tail",
                "The file ends without its closing line: it was cut, or its making was interrupted.",
            )
        if self.manifest is not None and self.manifest != report.counts:
            wrong = [
                "%s %d of %d" % (name, report.counts[name], counted)
                for name, counted in sorted(self.manifest.items())
                if report.counts[name] != counted
            ]
            report.add("deleted", "The file does not hold what its manifest counts: %s." % ", ".join(wrong))
        elif self.manifest is None and self.is_closed:
            report.add("deleted", "The file has no manifest.")
        for stream, known in sorted(self.heads.known.items()):
            if stream in self.seen or not self.scope.get("whole"):
                continue
            head, (_, taken_at) = max(known.items())
            gone = self.removed.get(stream)
            if gone is None or gone[0] < head:
                text = "The checkpoint of %s knows this stream with %s; it is not in the file." % (
                    taken_at,
                    _counted(head, "events"),
                )
                report.add("deleted", text, stream, "", 1)
            elif gone[0] in known and known[gone[0]][0] != gone[1]:
                text = "It was removed with another last hash than the checkpoint of %s knows." % taken_at
                report.add("edited", text, stream, "", gone[0])
        self._say_unproven()

    def _say_unproven(self):
        say = self.report.unproven.append
        if not self.heads.known:
            say(
                "There is no checkpoint to compare with: a tail that was cut off together with its stream's row, a chain "
                "that was computed anew, or a stream that was left out as a whole cannot be seen."
            )
        else:
            say(
                "%s came after the newest checkpoint of a stream: only the chains guard what stands there, and what was "
                "cut from the end there, with the stream's row, cannot be seen."
                % _counted(self.beyond, "events")
            )
        if self.signers - set(self.given):
            say(
                "The public key came with the file: whoever made the file could have made the key. Give the key that you "
                "know with --public-key, and the checkpoints that you keep with --checkpoints."
            )
        if not self.scope.get("whole"):
            say(
                "The file holds a part of the record (%s): what it leaves out was not looked at."
                % json.dumps(self.scope)
            )
        if self.removed:
            removed = _counted(len(self.removed), "streams")
            say("Retention removed %s: what stood there is not here." % removed)
        if not self.scope.get("contents"):
            say("Large content is named by its digest only, and is not in the file.")
        say(
            "Whoever holds both the database and the signing key can rewrite both; checkpoints kept elsewhere show it."
        )
        say(
            "A chain shows that the record was not changed, not that what it says was true when it was written."
        )


# ---- Ed25519 (RFC 8032, section 5.1): verification only ----
P = 2**255 - 19
# The order of the group that the base point makes.
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
_SQRT_MINUS_ONE = pow(2, (P - 1) // 4, P)


def is_signed(public, signature, message):
    """Whether `signature` (64 bytes) over `message` was made with the key behind `public` (32 bytes)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    a = _point(public)
    r = _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    return _same(_times(s, BASE), _sum(r, _times(h, a)))


# Points are (X, Y, Z, T) with x = X/Z, y = Y/Z and x*y = T/Z.
def _sum(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _times(number, point):
    found = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = _sum(found, point)
        point = _sum(point, point)
        number >>= 1
    return found


def _same(one, other):
    across = (one[0] * other[2] - other[0] * one[2]) % P
    up = (one[1] * other[2] - other[1] * one[2]) % P
    return across == 0 and up == 0


def _point(data):
    """The point that 32 bytes stand for, None when they stand for none."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * _SQRT_MINUS_ONE % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


BASE = _point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


# ---- the command ----
def main(arguments):
    parser = argparse.ArgumentParser(description="Check an export of Countersign's record.")
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--checkpoints", type=Path, metavar="FOLDER", help="exported checkpoints, kept elsewhere"
    )
    parser.add_argument(
        "--public-key", action="append", default=[], metavar="HEX", help="a key that you trust (repeatable)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    try:
        keys = [bytes.fromhex(text) for text in given.public_key]
        if any(len(key) != 32 for key in keys):
            raise ValueError
    except ValueError:
        print("A public key is 64 hexadecimal characters.", file=sys.stderr)
        return 2
    try:
        checkpoints = list(read_checkpoints(given.checkpoints)) if given.checkpoints else []
        with given.file.open("rb") as file:
            report = Verifier(keys, checkpoints).read(file)
    except (Unreadable, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        said = {"sound": not report.findings, "findings": report.findings, "counts": report.counts}
        print(json.dumps({**said, "unproven": report.unproven}, indent=2))
    else:
        _print(report)
    return 1 if report.findings else 0


def _print(report):
    for one in report.findings:
        where = " ".join(
            str(part)
            for part in (one["kind"], one["stream"], "event %d" % one["seq"] if one["seq"] else "")
            if part
        )
        print("%s  %s\n    %s" % (one["problem"].upper(), where or "file", one["text"]))
    counts = ", ".join(_counted(number, name) for name, number in report.counts.items())
    found = _counted(len(report.findings), "findings") if report.findings else "As it was written"
    print("%s: %s." % (found, counts))
    for sentence in report.unproven:
        print("Not proven: %s" % sentence)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
