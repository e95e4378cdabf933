"""Tampering with a record before it is exported, and with the file: each is found and named without our packages."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from orchestrator import eventlog, sql
from orchestrator.services import checkpoints, export, removal, signing_keys
from tests.orchestrator.services.test_verify import chained
from tests.verifier.files import PROGRAM, checked, lines_of, rewritten, written
from tests.verifier.test_ed25519 import program

pytestmark = pytest.mark.django_db

EVENT, STREAM = '"orchestrator_event"', '"orchestrator_stream"'
Lines = list[dict[str, Any]]


def sign() -> checkpoints.CheckpointCard:
    return checkpoints.take_checkpoint(by="system", now=timezone.now())


def public_key() -> str:
    (key,) = signing_keys.trusted_keys().values()
    return signing_keys.raw(key).hex()


def at(lines: Lines, stream: str, seq: int) -> int:
    """Where an event's line stands."""
    return next(
        place
        for place, line in enumerate(lines)
        if (line["line"], line.get("stream"), line.get("seq")) == ("event", stream, seq)
    )


def test_what_nobody_touched_is_as_it_was_written_and_counted(run: str, tmp_path: Path) -> None:
    sign()
    said = checked(written(tmp_path, export.Scope(contents=True)), "--public-key", public_key())
    assert (said.code, said.findings) == (0, [])
    assert said.counts == {"keys": 1, "checkpoints": 1, "streams": 4, "events": 13, "contents": 0}
    assert "0 events came after the newest checkpoint" in said.unproven
    assert "came with the file" not in said.unproven


def test_it_says_what_it_cannot_prove(run: str, tmp_path: Path) -> None:
    bare = checked(written(tmp_path)).unproven
    assert "There is no checkpoint to compare with" in bare
    assert "not that what it says was true" in bare
    assert "can rewrite both" in bare
    assert "not in the file" in bare
    sign()
    signed = checked(written(tmp_path))
    assert "whoever made the file could have made the key" in signed.unproven


def _text(seq: int, field: str, value: object) -> Callable[[Lines, str], None]:
    def change(lines: Lines, run: str) -> None:
        assert lines[at(lines, run, seq)][field] != value
        lines[at(lines, run, seq)][field] = value

    return change


def _swap(one: int, other: int) -> Callable[[Lines, str], None]:
    def change(lines: Lines, run: str) -> None:
        here, there = at(lines, run, one), at(lines, run, other)
        lines[here], lines[there] = lines[there], lines[here]

    return change


def _swap_contents(lines: Lines, run: str) -> None:
    """In each other's place, with the numbers of the place."""
    one, other = lines[at(lines, run, 4)], lines[at(lines, run, 6)]
    one["seq"], other["seq"] = 6, 4
    here, there = lines.index(one), lines.index(other)
    lines[here], lines[there] = other, one


def _drop(*seqs: int) -> Callable[[Lines, str], None]:
    def change(lines: Lines, run: str) -> None:
        for seq in seqs:
            del lines[at(lines, run, seq)]

    return change


def _insert(lines: Lines, run: str) -> None:
    for seq in range(8, 3, -1):
        lines[at(lines, run, seq)]["seq"] += 1
    lines.insert(at(lines, run, 5), {**lines[at(lines, run, 2)], "seq": 4})
    head = next(line for line in lines if line["line"] == "stream" and line["stream"] == run)
    head["head"] = head["last"] = 9


def _number_anew(lines: Lines, run: str) -> None:
    _drop(3)(lines, run)
    for seq in range(4, 9):
        lines[at(lines, run, seq)]["seq"] -= 1
    head = next(line for line in lines if line["line"] == "stream" and line["stream"] == run)
    head["head"] = head["last"] = 7


def _shorten(lines: Lines, run: str) -> None:
    """Cut the tail, and say of the stream that it ends there."""
    _drop(7, 8)(lines, run)
    head = next(line for line in lines if line["line"] == "stream" and line["stream"] == run)
    head["head"] = head["last"] = 6
    head["hash"] = lines[at(lines, run, 6)]["hash"]


def _lose_stream(lines: Lines, run: str) -> None:
    lines[:] = [line for line in lines if line.get("stream") != run]


TAMPERED: dict[str, tuple[Callable[[Lines, str], None], str, int]] = {
    "payload": (_text(4, "payload", '{"forged":true}'), "edited", 4),
    "type": (_text(1, "type", "run.resumed"), "edited", 1),
    "actor": (_text(8, "actor", "user:somebody"), "edited", 8),
    "cause": (_text(5, "cause", 77), "edited", 5),
    "time": (_text(5, "at", 1), "edited", 5),
    "version": (_text(2, "version", 2), "edited", 2),
    "hash": (_text(3, "hash", "00" * 32), "edited", 3),
    "deleted": (_drop(3, 4), "deleted", 3),
    "deleted and numbered anew": (_number_anew, "deleted", 3),
    "inserted": (_insert, "inserted", 4),
    "lines swapped": (_swap(4, 5), "reordered", 4),
    "events swapped": (_swap_contents, "reordered", 4),
    "tail": (_drop(7, 8), "cut tail", 7),
    "tail and the stream's line": (_shorten, "cut tail", 7),
    "whole stream": (_lose_stream, "deleted", 1),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_file_that_was_changed_and_sealed_again_names_its_first_bad_event(
    run: str, tmp_path: Path, name: str
) -> None:
    change, problem, seq = TAMPERED[name]
    sign()
    file = written(tmp_path)
    said = checked(rewritten(file, lambda lines: change(lines, run)))
    assert (said.code, said.findings) == (1, [(problem, run, seq)])


def test_without_a_checkpoint_a_tail_that_was_cut_with_its_stream_is_not_seen_and_that_is_said(
    run: str, tmp_path: Path
) -> None:
    said = checked(rewritten(written(tmp_path), lambda lines: _shorten(lines, run)))
    assert (said.code, said.findings) == (0, [])
    assert "a tail that was cut off together with its stream's row" in said.unproven


def test_a_checkpoint_kept_elsewhere_shows_what_one_in_the_file_no_longer_can(
    run: str, tmp_path: Path
) -> None:
    sign()
    elsewhere = tmp_path / "elsewhere"
    checkpoints.export(elsewhere)

    def forge(lines: Lines) -> None:
        _shorten(lines, run)
        lines[:] = [line for line in lines if line["line"] != "checkpoint"]

    file = rewritten(written(tmp_path), forge)
    assert checked(file).code == 0
    said = checked(file, "--checkpoints", elsewhere, "--public-key", public_key())
    assert ("cut tail", run, 7) in said.findings
    assert any("it was exported, and is not in the file" in text for text in said.texts)


def _edit_heads(lines: Lines) -> None:
    line = next(line for line in lines if line["line"] == "checkpoint")
    line["document"] = line["document"].replace(" 8 ", " 6 ")


def _edit_signature(lines: Lines) -> None:
    line = next(line for line in lines if line["line"] == "checkpoint")
    line["signature"] = line["signature"].replace(
        line["signature"][10], "A" if line["signature"][10] != "A" else "B"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [(_edit_heads, "not what its digest says"), (_edit_signature, "its signature is not one of key")],
)
def test_a_checkpoint_that_was_changed_is_named(
    run: str, tmp_path: Path, change: Callable[[Lines], None], words: str
) -> None:
    sign()
    said = checked(rewritten(written(tmp_path), change))
    assert said.code == 1
    assert words in said.texts[0]


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.97])
def test_a_file_that_was_cut_says_so(run: str, tmp_path: Path, kept: float) -> None:
    sign()
    file = written(tmp_path)
    data = file.read_bytes()
    whole = data[: int(len(data) * kept)].rpartition(b"\n")[0] + b"\n"
    file.write_bytes(whole)
    said = checked(file)
    assert said.code == 1
    assert any("ends without its closing line" in text for text in said.texts)


def test_a_change_that_leaves_the_closing_digest_is_seen_by_it(run: str, tmp_path: Path) -> None:
    said = checked(
        rewritten(written(tmp_path), lambda lines: lines[0].update(made_at="2020-01-01"), seal=False)
    )
    assert (said.code, said.findings) == (1, [("edited", "", 0)])
    assert "closing digest does not fit" in said.texts[0]


def test_a_line_that_cannot_be_read_is_named_and_nothing_after_it_is_believed(
    run: str, tmp_path: Path
) -> None:
    file = written(tmp_path)
    lines = file.read_bytes().splitlines(keepends=True)
    lines[4] = b'{"line":"event","seq":"four"}\n'
    file.write_bytes(b"".join(lines))
    said = checked(file)
    assert said.code == 1
    assert any("Line 5 cannot be read" in text for text in said.texts)


@pytest.mark.parametrize("data", [b"", b"[]\n", b"{}\n", b'{"line":"export"}\n', b"\xff\xfe\n"])
def test_what_is_no_export_is_refused_in_words(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "other.jsonl"
    file.write_bytes(data)
    said = checked(file)
    assert said.code == 2
    assert "Traceback" not in said.errors
    assert said.errors


IN_DATABASE: dict[str, tuple[list[str], str, int]] = {
    "edit": ([f"UPDATE {EVENT} SET payload='{{}}'::json WHERE stream_id=$1::uuid AND seq=5"], "edited", 5),
    "delete": ([f"DELETE FROM {EVENT} WHERE stream_id=$1::uuid AND seq=5"], "deleted", 5),
    "cut tail": ([f"DELETE FROM {EVENT} WHERE stream_id=$1::uuid AND seq>6"], "cut tail", 7),
    "reorder": (
        [
            f"UPDATE {EVENT} SET seq=99 WHERE stream_id=$1::uuid AND seq=4",
            f"UPDATE {EVENT} SET seq=4 WHERE stream_id=$1::uuid AND seq=6",
            f"UPDATE {EVENT} SET seq=6 WHERE stream_id=$1::uuid AND seq=99",
        ],
        "reordered",
        4,
    ),
    "insert": (
        [
            f"INSERT INTO {EVENT} (stream_id, seq, type, version, actor, cause, occurred_at, payload, hash) "
            f"SELECT stream_id, 9, type, version, actor, cause, occurred_at, payload, hash FROM {EVENT} "
            "WHERE stream_id=$1::uuid AND seq=8"
        ],
        "inserted",
        9,
    ),
}


@pytest.mark.parametrize("name", IN_DATABASE)
def test_a_record_that_was_changed_in_the_database_shows_in_its_export(
    run: str, tmp_path: Path, name: str
) -> None:
    statements, problem, seq = IN_DATABASE[name]
    for statement in statements:
        sql.run(statement, [run])
    said = checked(written(tmp_path))
    assert (said.code, said.findings) == (1, [(problem, run, seq)])


def test_a_chain_that_was_computed_anew_shows_against_the_checkpoint(run: str, tmp_path: Path) -> None:
    sign()
    sql.run(f"UPDATE {EVENT} SET actor='user:x' WHERE stream_id=$1::uuid AND seq=4", [run])
    chained(run, 4)
    said = checked(written(tmp_path))
    assert said.findings == [("edited", run, 8)]


def test_content_is_checked_against_its_digest(run: str, tmp_path: Path) -> None:
    from orchestrator import blobs

    digest = blobs.put(b"an invoice")
    file = written(tmp_path, export.Scope(contents=True))
    assert checked(file).code == 0

    def forge(lines: Lines) -> None:
        next(line for line in lines if line["line"] == "content")["data"] = "eA=="

    said = checked(rewritten(file, forge))
    assert digest in said.texts[0]


def test_a_part_of_the_record_is_checked_from_where_it_begins(run: str, tmp_path: Path) -> None:
    moment = eventlog.event_at(run, 3).occurred_at
    file = written(tmp_path, export.Scope(since=moment))
    first = next(line for line in lines_of(file) if line["line"] == "stream" and line["stream"] == run)
    assert (first["first"], first["last"], first["head"]) == (3, 8, 8)
    said = checked(file)
    assert (said.code, said.findings) == (0, [])
    assert "a part of the record" in said.unproven
    forged = rewritten(file, lambda lines: _text(4, "actor", "x")(lines, run))
    assert checked(forged).findings == [("edited", run, 4)]


def test_a_part_that_ends_earlier_says_nothing_of_what_follows(run: str, tmp_path: Path) -> None:
    sign()
    moment = eventlog.event_at(run, 6).occurred_at
    said = checked(written(tmp_path, export.Scope(until=moment)))
    assert (said.code, said.findings) == (0, [])


def test_what_retention_removed_is_not_taken_for_deleted(run: str, tmp_path: Path) -> None:
    sign()
    from django.db import transaction

    with transaction.atomic():
        removal.remove_streams([run], reason="Retention", by="system", now=timezone.now())
    said = checked(written(tmp_path))
    assert (said.code, said.findings) == (0, [])
    assert "Retention removed 1 stream: what stood there" in said.unproven

    def forge(lines: Lines) -> None:
        lines[:] = [line for line in lines if line.get("type") != "stream.removed"]
        lines[:] = [line for line in lines if line.get("stream") != removal.retention_stream()]

    assert checked(rewritten(written(tmp_path), forge)).findings == [("deleted", run, 1)]


def test_the_envelope_is_the_one_that_the_log_hashes(run: str, tmp_path: Path) -> None:
    """Names with quotes, controls and letters of all kinds are written as the log wrote them."""
    from orchestrator.services import journal

    actor = 'user:"\\\u202eö\t\x01\x7f\u2028😀'
    journal.record(
        kind="policy",
        stream=journal.stream_for("policy", "odd"),
        facts=[("policy.noted", {"text": actor, "n": 1.5})],
        by=actor,
        now=timezone.now(),
    )
    assert checked(written(tmp_path)).code == 0


def test_a_byte_that_was_changed_anywhere_is_noticed(run: str, tmp_path: Path) -> None:
    sign()
    file = written(tmp_path)
    data = file.read_bytes()
    for place in range(0, len(data), 61):
        changed = bytearray(data)
        changed[place] ^= 1
        try:
            report = program.Verifier([], []).read(io.BytesIO(bytes(changed)))
        except program.Unreadable:
            continue
        assert report.findings, data[place - 20 : place + 20]


def test_a_checkpoint_that_was_taken_out_of_the_file_is_missed_by_the_next(run: str, tmp_path: Path) -> None:
    sign()
    sign()

    def forge(lines: Lines) -> None:
        lines.remove(next(line for line in lines if line["line"] == "checkpoint"))

    said = checked(rewritten(written(tmp_path), forge))
    assert said.code == 1
    assert "one that came before it is gone" in said.texts[0]


def test_what_the_manifest_counts_must_be_there(run: str, tmp_path: Path) -> None:
    sign()

    def forge(lines: Lines) -> None:
        lines[:] = [line for line in lines if line["line"] != "key"]
        next(line for line in lines if line["line"] == "manifest")["keys"] = 1

    said = checked(rewritten(written(tmp_path), forge, count=False))
    assert said.texts == ["The file does not hold what its manifest counts: keys 0 of 1."]
    assert "which is not known here" in said.unproven


def test_it_needs_nothing_but_an_older_python(tmp_path: Path) -> None:
    tree = ast.parse(PROGRAM.read_text(), feature_version=(3, 8))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= set(sys.stdlib_module_names)


def test_it_prints_words_for_people(run: str, tmp_path: Path) -> None:
    file = rewritten(written(tmp_path), lambda lines: _drop(3)(lines, run))
    done = subprocess.run(
        [sys.executable, "-I", "-S", PROGRAM, file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert f"DELETED  run {run} event 3" in done.stdout
    assert "\n1 finding: 0 keys, 0 checkpoints, " in done.stdout
    assert "Not proven: " in done.stdout


def test_it_counts_in_words_for_people(run: str, tmp_path: Path) -> None:
    sign()
    done = subprocess.run(
        [sys.executable, "-I", "-S", PROGRAM, written(tmp_path)], capture_output=True, text=True, check=False
    )
    assert "As it was written: 1 key, 1 checkpoint, 4 streams, " in done.stdout
