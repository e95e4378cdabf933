"""What a call of a model used, and what that costs. An unknown price is None, never zero."""

from __future__ import annotations

from typing import Any

from orchestrator.domain import replies

# About how many bytes of text make a token. Only for servers that report no usage, and marked as estimated.
_BYTES_PER_TOKEN = 4

# One provider's other doors have its prices.
_PRICED_AS = {"openai-chat": "openai", "openai-responses": "openai", "google-cloud": "google"}


def usage_of(
    response: Any, *, reference: str, base_url: str, asked_bytes: int, milliseconds: int
) -> replies.Usage:
    """The usage of one answered call, as the provider reported it; estimated when it reported none."""
    reported = response.usage
    input_tokens, output_tokens = reported.input_tokens or 0, reported.output_tokens or 0
    is_estimated = not input_tokens and not output_tokens
    if is_estimated:
        input_tokens, output_tokens = _tokens(asked_bytes), _tokens(_answered_bytes(response))
    return replies.Usage(
        model=reference,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost=cost_of(
            reference, base_url, input_tokens, output_tokens, reported=None if is_estimated else reported
        ),
        is_estimated=is_estimated,
        milliseconds=milliseconds,
    )


def cost_of(
    reference: str, base_url: str, input_tokens: int, output_tokens: int, *, reported: Any = None
) -> str | None:
    """The price in USD as decimal text, or None when nobody's price list has this model."""
    import genai_prices

    provider, _, model = reference.partition(":")
    usage = reported or genai_prices.Usage(input_tokens=input_tokens, output_tokens=output_tokens)
    try:
        if base_url:
            found = genai_prices.calc_price(usage, model or provider, provider_api_url=base_url)
        else:
            found = genai_prices.calc_price(usage, model, provider_id=_PRICED_AS.get(provider, provider))
    except (LookupError, ValueError, ArithmeticError):
        return None
    price = found.total_price
    return f"{price:f}"


def _tokens(size: int) -> int:
    return -(-size // _BYTES_PER_TOKEN)


def _answered_bytes(response: Any) -> int:
    total = 0
    for part in response.parts:
        total += len(
            str(getattr(part, "content", None) or getattr(part, "args", None) or "").encode(
                "utf-8", "replace"
            )
        )
    return total
