"""The signing key and its rotation; checkpoints and their copies."""

from __future__ import annotations

import base64
import datetime as dt
import json
import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from orchestrator.domain import errors
from orchestrator.services import checkpoints, journal, signing_keys, verify
from tests.orchestrator import runs

pytestmark = pytest.mark.django_db
KEYS = journal.stream_for("keys", signing_keys.SUBJECT)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.VAR_DIR = tmp_path
    monkeypatch.delenv("COUNTERSIGN_SIGNING_KEY", raising=False)
    return tmp_path / "keys"


def take() -> checkpoints.CheckpointCard:
    return checkpoints.take_checkpoint(by="system", now=timezone.now())


def facts() -> list[tuple[str, dict[str, Any]]]:
    return [(name, payload) for _, name, payload, _, _ in journal.facts(KEYS)]


def test_a_checkpoint_lists_every_stream_and_is_signed() -> None:
    run = runs.begin()
    card = take()
    heads = {stream: head for stream, head, _ in card.heads()}
    assert heads == {run: 2, KEYS: 1}
    assert (card.header["streams"], card.header["events"], card.previous) == (2, 3, "")
    assert card.is_signed_by(signing_keys.trusted_keys()) is True
    assert take().previous == card.digest


def test_the_key_lies_outside_the_database_for_its_owner_only(folder: Path) -> None:
    take()
    file = folder / "checkpoint_ed25519"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes()) == 32
    secret = file.read_bytes().hex()
    assert all(secret not in json.dumps(payload) for _, payload in facts())


def test_the_first_use_of_a_key_is_a_fact() -> None:
    take()
    take()
    ((name, payload),) = facts()
    assert name == "key.introduced"
    assert signing_keys.key_id(bytes.fromhex(payload["public_key"])) == payload["key"]


def test_a_rotation_is_a_fact_that_the_old_key_vouches_for_and_older_checkpoints_stay_valid() -> None:
    runs.begin()
    first = take()
    fresh = signing_keys.rotate_key(by="user:admin", now=timezone.now())
    second = take()
    assert (second.key, first.key != second.key) == (fresh, True)
    (_, old), (name, new) = facts()
    assert (name, new["before"], new["key"]) == ("key.rotated", old["key"], fresh)
    keys = signing_keys.trusted_keys()
    assert signing_keys.is_signed(
        keys[old["key"]], bytes.fromhex(new["vouched"]), bytes.fromhex(new["public_key"])
    )
    found = verify.verify_log()
    assert (found.findings, found.checkpoints) == ((), 2)


def test_a_key_from_the_environment_comes_first_and_leaves_no_secret_behind(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERSIGN_SIGNING_KEY", base64.b64encode(bytes(range(32))).decode())
    take()
    assert not (folder / "checkpoint_ed25519").exists()
    with pytest.raises(signing_keys.KeyIsGiven):
        signing_keys.rotate_key(by="user:admin", now=timezone.now())
    monkeypatch.setenv("COUNTERSIGN_SIGNING_KEY", base64.b64encode(bytes(32)).decode())
    take()
    assert [name for name, _ in facts()] == ["key.introduced", "key.rotated"]
    assert verify.verify_log().is_sound


@pytest.mark.parametrize("text", ["not base64!", "AAAA", base64.b64encode(bytes(33)).decode()])
def test_a_malformed_key_signs_nothing(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_SIGNING_KEY", text)
    with pytest.raises(signing_keys.MalformedKey):
        take()


def test_a_signature_by_another_key_is_no_signature(folder: Path) -> None:
    card = take()
    keys = signing_keys.trusted_keys()
    signing_keys.rotate_key(by="user:admin", now=timezone.now())
    other = take()
    forged = checkpoints.CheckpointCard(card.digest, card.key, other.signature, card.document)
    assert forged.is_signed_by(keys) is False
    assert card.is_signed_by({}) is None


def test_an_exported_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    runs.begin()
    card = take()
    (file,) = checkpoints.export(tmp_path / "copies")
    assert list(checkpoints.exported(tmp_path / "copies")) == [card]
    file.write_bytes(file.read_bytes()[:-80])
    with pytest.raises(checkpoints.Unreadable):
        list(checkpoints.exported(tmp_path / "copies"))
    with pytest.raises(checkpoints.Unreadable):
        list(checkpoints.exported(tmp_path / "nowhere"))


def test_a_public_key_must_be_hexadecimal() -> None:
    with pytest.raises(errors.Refused, match="hexadecimal"):
        signing_keys.trusted_keys(("zz",))


def test_the_command_signs_and_exports(tmp_path: Path) -> None:
    runs.begin()
    out = StringIO()
    call_command("checkpoint", "--export", str(tmp_path / "copies"), "--json", stdout=out)
    said = json.loads(out.getvalue())
    assert said["streams"] == 2
    assert Path(said["exported"][0]).exists()
    call_command("checkpoint", "--rotate-key", stdout=out)
    assert "Not exported" in out.getvalue()
    assert [name for name, _ in facts()] == ["key.introduced", "key.rotated"]


def test_a_checkpoint_is_due_when_the_last_is_older_than_the_setting(settings: Any) -> None:
    settings.CHECKPOINT_HOURS = 24
    now = timezone.now()
    assert checkpoints.is_due(now=now)
    take()
    assert not checkpoints.is_due(now=now)
    assert checkpoints.is_due(now=now + dt.timedelta(hours=25))
