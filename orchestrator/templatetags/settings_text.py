"""Settings as text for a page: JSON with indents."""

from __future__ import annotations

import json
from typing import Any

from django import template

register = template.Library()


@register.filter
def indented(value: Any) -> str:
    """A JSON value over several lines. It is text: the page escapes it."""
    return json.dumps(value, indent=2, ensure_ascii=False)
