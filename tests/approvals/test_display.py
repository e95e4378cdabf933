"""What is shown is the payload: for every text the page holds exactly what will be executed, with nothing hidden."""

from __future__ import annotations

import sys
from html.parser import HTMLParser

from django.template.loader import render_to_string
from hypothesis import given, settings
from hypothesis import strategies as st

from approvals.domain import visible
from config.templatetags import _hidden

# A browser reads CRLF and CR as a line feed; they are shown by their numbers, so none is ever sent as it is.
texts = st.text(st.characters(codec="utf-8"), max_size=60)
deceiving = st.text(
    st.sampled_from("a<&\"'\u202e\u2066\u200b\u00ad\ufeff\u3164\ufffc\x00\x0c\r\n\t U+202E⟨⟩"), max_size=60
)


class Shown(HTMLParser):
    """The text of the payload as a reader has it, with what is shown by its number taken for the character."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.is_payload, self.is_hidden = "", False, False
        self.numbers = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes).get("class") or ""
        self.is_payload = self.is_payload or (tag == "pre" and found == "payload-text")
        self.is_hidden = tag == "span" and found == "hidden-char"

    def handle_endtag(self, tag: str) -> None:
        if self.is_hidden:
            self.text += chr(int(self.numbers.removeprefix("U+"), 16))
            self.numbers, self.is_hidden = "", False
        self.is_payload = self.is_payload and tag != "pre"

    def handle_data(self, data: str) -> None:
        if not self.is_payload:
            return
        if self.is_hidden:
            self.numbers += data
        else:
            assert not any(_hidden.is_hidden(character) for character in data)
            self.text += data


@settings(deadline=None)
@given(texts | deceiving)
def test_the_payload_on_a_page_is_the_payload_for_every_text(text: str) -> None:
    page = Shown()
    page.feed(render_to_string("components/payload.html", {"text": text, "digest": "ab" * 32}))

    assert page.text == text


def test_the_page_and_the_record_hide_the_same_characters() -> None:
    """Line feeds and tabs apart, which a payload may show as they are."""
    both = [chr(code) for code in range(sys.maxunicode + 1) if chr(code) not in "\n\t"]

    assert [f"U+{ord(one):04X}" for one in both if _hidden.is_hidden(one) != visible.is_hidden(one)] == []
