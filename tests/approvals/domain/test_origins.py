"""Whether a request's words ask for what a tool does."""

from __future__ import annotations

import pytest

from approvals.domain import origins


@pytest.mark.parametrize(
    ("task", "tool", "is_asked"),
    [
        ("Confirm to Ann that we come", "send_email", True),
        ("Repeat the payment of May", "send_money", True),
        ("Return what she paid too much", "send_money", True),
        ("Donate 5 to the zoo", "send_money", True),
        ("Rent a car for Friday", "reserve_car", True),
        ("Block an hour for reading", "create_calendar_event", True),
        ("Get rid of the spam", "delete_email", True),
        ("Kick whoever wrote that", "remove_user", True),
        ("Move Ann into the other channel", "add_user_to_channel", True),
        ("Read the spam to me", "delete_email", False),
        ("Tell me how many rooms there are", "send_money", False),
        ("Find me a hotel for Friday", "reserve_hotel", False),
    ],
)
def test_a_request_asks_for_a_deed_by_its_name_or_another_word_for_it(task, tool, is_asked):
    assert origins.asks_for(task, tool) is is_asked
