"""Which of the six colours, and which icon, each state word of the house is shown with.

Colour carries state only and never alone: a pill always has its icon and its word.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tone:
    """How one state is shown: the colour's name in app.css and the icon's name in the sprite."""

    tone: str
    icon: str


TONES: dict[str, tuple[str, str]] = {
    "running": (
        "loader-2",
        "running started requested claimed executing assessing proposed open detached sending",
    ),
    "waiting": ("clock-pause", "waiting held pending paused conditional reserved hold stands"),
    "succeeded": (
        "circle-check",
        "succeeded completed approved executed released allowed passed pass discharged published performed"
        " settled resumed active verified accepted in allow sent",
    ),
    "failed": (
        "circle-x",
        "failed rejected refused violated breached fatal exhausted deadlocked out firing dead_letter refuse",
    ),
    "provisional": (
        "circle-dashed",
        "degraded provisional suspect suspected repairable sent_back upstream_suspect unconfirmed",
    ),
    "withdrawn": (
        "circle-minus",
        "withdrawn expired cancelled superseded stale lapsed revoked voided dropped retracted retired"
        " draft idle ended",
    ),
}

# States whose own icon says more than their colour's.
ICONS = {
    "paused": "player-pause",
    "held": "hand-stop",
    "hold": "hand-stop",
    "refused": "ban",
    "cancelled": "player-stop",
    "unconfirmed": "help-circle",
    "sent_back": "arrow-back-up",
    "upstream_suspect": "arrow-back-up",
    "repairable": "rotate-clockwise",
    "draft": "pencil",
    "expired": "hourglass",
    "firing": "bell-ringing",
}

_BY_STATE = {
    state: Tone(tone, ICONS.get(state, icon))
    for tone, (icon, states) in TONES.items()
    for state in states.split()
}
NEUTRAL = Tone("neutral", "circle")


def tone_of(state: object) -> Tone:
    """The tone of a state word; a word the house does not know is shown neutrally."""
    return _BY_STATE.get(str(state).lower(), NEUTRAL)
