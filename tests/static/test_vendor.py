"""The files of others are those that were checked in, and our own ask no other host for anything."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "static" / "vendor"
LISTED = [line.split(maxsplit=1) for line in (VENDOR / "SHA256SUMS").read_text().splitlines()]
OURS = [
    path
    for folder, ending in (("static", "*.js"), ("static", "*.css"), ("templates", "*.html"))
    for path in sorted((ROOT / folder).rglob(ending))
    if VENDOR not in path.parents
]


@pytest.mark.parametrize(("digest", "name"), LISTED, ids=[name for _, name in LISTED])
def test_the_file_is_the_one_that_was_checked_in(digest: str, name: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == digest


def test_every_vendored_file_is_listed_with_its_version_and_licence() -> None:
    listed = {name for _, name in LISTED}
    present = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert present - listed == {"README.md", "SHA256SUMS", "build_icons.py"}
    readme = (VENDOR / "README.md").read_text()
    for name in listed - {name for name in listed if name.startswith("licences/")}:
        assert Path(name).name in readme


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_pages_keep_to_the_security_policy_and_ask_no_other_host(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        # A block of JSON is data: no browser runs it, and the policy lets it be.
        run_by_browsers = r"<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")[^>]*>"
        assert not re.search(run_by_browsers, text), "a script inside a page"
        assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=|\shx-on|\"js:|javascript:", text)
    assert not re.search(r"https?://(?!www\.w3\.org/)|(?:src|href)=[\"']//", text)
    assert "innerHTML" not in text or path.name in {
        "fragments.js",
        "drawer.js",
        "base.html",
        "style-guide.md",
    }


def test_every_icon_that_a_page_names_is_in_the_sprite() -> None:
    known = set(re.findall(r'<symbol id="([^"]+)"', (VENDOR / "icons.svg").read_text()))
    named = set()
    for path in (ROOT / "templates").rglob("*.html"):
        named |= set(re.findall(r"{%\s*icon\s+\"([^\"]+)\"", path.read_text(encoding="utf-8")))
        named |= set(re.findall(r'icon_name="([^"]+)"', path.read_text(encoding="utf-8")))
    for path in (ROOT / "static" / "js").glob("*.js"):
        named |= set(re.findall(r'\bicon\("([^"]+)"\)', path.read_text(encoding="utf-8")))
    assert named
    assert named - known == set()
