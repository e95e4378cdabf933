"""What a provider needs before it can be asked: the table agrees with the library, and a missing key is named."""

from __future__ import annotations

import os
import warnings

import pytest

from orchestrator.adapters import model_keys, model_library
from orchestrator.domain import model_providers


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without any key."""
    for needs in model_providers.NEEDS.values():
        for name in "|".join(needs).split("|"):
            monkeypatch.delenv(name, raising=False)
    for name in list(os.environ):
        if name.startswith((model_keys.PREFIX, "AZURE_", "OPENAI_")):
            monkeypatch.delenv(name)


@pytest.mark.parametrize("provider", model_providers.NEEDS)
def test_each_provider_is_the_librarys_and_asks_for_what_the_table_says(
    provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_library.load()
    from pydantic_ai.exceptions import UserError
    from pydantic_ai.providers import infer_provider

    needs = model_providers.NEEDS[provider]
    for name in needs:
        with pytest.raises(UserError, match=name.split("|")[0]):
            infer_provider(provider)
        value = "http://127.0.0.1:1/v1" if name.endswith(("_URL", "_ENDPOINT")) else "a-key-for-nobody"
        monkeypatch.setenv(name.split("|")[0], value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert infer_provider(provider).name


@pytest.mark.parametrize(
    ("reference", "base_url", "given", "missing"),
    [
        ("anthropic:x", "", {}, "ANTHROPIC_API_KEY"),
        ("anthropic:x", "", {"ANTHROPIC_API_KEY": "k"}, ""),
        ("anthropic:x", "", {"COUNTERSIGN_MODEL_KEY_READER": "k"}, ""),
        ("anthropic:x", "", {"COUNTERSIGN_MODEL_KEY_OTHER": "k"}, "ANTHROPIC_API_KEY"),
        ("anthropic:x", "http://127.0.0.1:1/v1", {}, ""),
        ("heroku:x", "", {"COUNTERSIGN_MODEL_KEY_READER": "k"}, ""),
        ("vercel:x", "", {}, "VERCEL_AI_GATEWAY_API_KEY or VERCEL_OIDC_TOKEN"),
        ("vercel:x", "", {"VERCEL_OIDC_TOKEN": "k"}, ""),
        ("ollama:x", "", {"COUNTERSIGN_MODEL_KEY_READER": "k"}, "OLLAMA_BASE_URL"),
        ("nobody:x", "", {}, ""),
    ],
)
def test_what_is_missing_is_named(
    reference: str, base_url: str, given: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert model_keys.missing(reference, base_url=base_url, slug="reader") == missing
