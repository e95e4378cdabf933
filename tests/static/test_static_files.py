"""Static files are named by their content, also where one script asks for another."""

from __future__ import annotations

import re
from pathlib import Path

from django.core.management import call_command
from django.test import override_settings

COLLECTED = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.static_files.NamedByContent"},
}


def test_scripts_import_each_other_by_the_names_that_pages_use(tmp_path: Path) -> None:
    with override_settings(STORAGES=COLLECTED, STATIC_ROOT=tmp_path):
        call_command("collectstatic", interactive=False, verbosity=0)
    named = [
        path
        for path in (tmp_path / "js").glob("*.js")
        if re.fullmatch(r"[a-z]+\.[0-9a-f]{12}\.js", path.name)
    ]
    assert named
    for path in named:
        for imported in re.findall(r'(?:from|import)\s+"\./([^"]+)"', path.read_text()):
            assert re.fullmatch(r"[a-z]+\.[0-9a-f]{12}\.js", imported), f"{path.name} imports {imported}"
            assert (tmp_path / "js" / imported).exists()
