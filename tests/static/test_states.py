"""The table of states in the browser is the one on the server."""

from __future__ import annotations

import re
from pathlib import Path

from config.templatetags._states import ICONS, TONES

SCRIPT = (Path(__file__).resolve().parents[2] / "static" / "js" / "states.js").read_text()


def test_both_sides_know_the_same_states_in_the_same_colours() -> None:
    table = {
        tone: (icon, sorted(states.split()))
        for tone, icon, states in re.findall(r'^  (\w+): \["([\w-]+)", "([^"]+)"\]', SCRIPT, re.M)
    }
    assert table == {tone: (icon, sorted(states.split())) for tone, (icon, states) in TONES.items()}


def test_both_sides_know_the_same_icons() -> None:
    body = SCRIPT.split("const ICONS = {", 1)[1].split("}", 1)[0]
    assert dict(re.findall(r'(\w+): "([\w-]+)"', body)) == ICONS
