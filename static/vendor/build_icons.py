"""Builds icons.svg, the sprite of the outline icons that the pages use.

Run it with the folder of outline icons from the package @tabler/icons 3.51.0:

    python static/vendor/build_icons.py PACKAGE/icons/outline

and renew SHA256SUMS afterwards (see README.md). Add a name to NAMES when a page needs another icon.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

NAMES = """
activity alert-triangle archive arrow-back-up arrow-down arrow-right arrow-up arrows-diff ban bell-ringing
bolt brain building-bank calendar-due cash certificate check checklist chevron-down chevron-left chevron-right
circle circle-check circle-dashed circle-half-2 circle-minus circle-plus circle-x clipboard-check clock
clock-pause clock-play code coins copy cpu database device-desktop door-exit dots download external-link eye
eye-off file-check file-invoice file-text file-upload filter fingerprint flag folder forms git-branch git-compare
git-fork hand-stop help-circle history hourglass id inbox info-circle key keyboard layout-dashboard
layout-sidebar link list-check list-details list-search loader-2 lock login-2 logout menu-2 message-circle
message-question messages moon note pencil player-pause player-play player-stop plug plus quote receipt refresh
robot rotate-clockwise route ruler-2 scale search send settings shield-check shield-half shield-lock shield-off
shield-x signature sitemap sparkles stack-2 stethoscope subtask sun target-arrow timeline tool trash
trending-up upload user user-check user-circle user-off user-plus users users-group wifi wifi-off world x zoom-exclamation
""".split()

SHAPE = re.compile(r"<(?:path|circle|rect|line|polyline|polygon|ellipse)\b[^>]*/>")
BACKGROUND = 'd="M0 0h24v24H0z"'


def symbol(name: str, source: str) -> str:
    """One icon as a <symbol>: its shapes without the invisible background square."""
    shapes = [re.sub(r"\s+", " ", shape) for shape in SHAPE.findall(source) if BACKGROUND not in shape]
    return f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(shapes)}</symbol>'


def main(folder: Path) -> None:
    symbols = [symbol(name, (folder / f"{name}.svg").read_text(encoding="utf-8")) for name in sorted(NAMES)]
    sprite = '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
    Path(__file__).with_name("icons.svg").write_text(sprite, encoding="utf-8")
    print(f"{len(symbols)} icons, {len(sprite)} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
