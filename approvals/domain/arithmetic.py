"""How an amount can be worked out of given numbers: sums, a difference, a product, a share. Few terms, bounded work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations

MOST_SHARES = 20
CENT = Decimal("0.01")


def reached(number: str, terms: Sequence[str]) -> str:
    """How to reach a number from these, in writing such as "61.40 + 69.10"; empty when there is no simple way."""
    wanted = Decimal(number)
    return next((how for value, how in _ways([Decimal(one) for one in terms]) if value == wanted), "")


def _ways(terms: Sequence[Decimal]) -> Iterator[tuple[Decimal, str]]:
    amounts = [one for one in terms if one > 0]
    for first, second in combinations(amounts, 2):
        yield first + second, f"{first} + {second}"
        less, more = sorted((first, second))
        yield more - less, f"{more} - {less}"
    for count, amount in ((a, b) for a in amounts for b in amounts if a is not b):
        if count == count.to_integral_value() and 2 <= count <= MOST_SHARES:
            yield count * amount, f"{count} x {amount}"
            yield (amount / count).quantize(CENT), f"{amount} / {count}"
    for three in combinations(amounts, 3):
        yield sum(three, Decimal(0)), " + ".join(map(str, three))
    if len(amounts) > 3:
        yield sum(amounts, Decimal(0)), " + ".join(map(str, amounts))
