"""A full disk is noticed before work begins, and said in words."""

from __future__ import annotations

import os

import pytest

from orchestrator.services import disk


@pytest.mark.parametrize(("reserve", "is_full"), [(0, False), (2**80, True)])
def test_the_disk_is_full_when_less_than_the_reserve_is_free(settings, tmp_path, reserve, is_full):
    settings.VAR_DIR, settings.DISK_RESERVE_BYTES = tmp_path, reserve
    assert disk.disk_is_full() is is_full


def test_a_folder_that_is_not_there_yet_is_judged_by_its_parent(settings, tmp_path):
    settings.VAR_DIR, settings.DISK_RESERVE_BYTES = tmp_path / "not" / "yet", 0
    facts = os.statvfs(tmp_path)
    assert disk.room().free == pytest.approx(facts.f_bavail * facts.f_frsize, rel=0.2)


def test_people_are_told_what_is_kept_and_what_to_do():
    message = disk.Room(free=50 * 2**20, reserve=200 * 2**20).message
    assert "50 MiB are free, 200 MiB are kept" in message
    assert "everything decided so far is kept" in message
    assert "Free some space" in message
