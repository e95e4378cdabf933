"""The providers of models that an agent may name, and what each needs in the environment to be asked.

A server of somebody's own, named by its address, needs none of it. The keys themselves are never here.
"""

from __future__ import annotations

# Each name must be set; where several are joined by "|", one of them.
NEEDS: dict[str, tuple[str, ...]] = {
    "alibaba": ("ALIBABA_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "azure": ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "crusoe": ("CRUSOE_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "fireworks": ("FIREWORKS_API_KEY",),
    "heroku": ("HEROKU_INFERENCE_KEY",),
    "meta": ("META_API_KEY",),
    "moonshotai": ("MOONSHOTAI_API_KEY",),
    "nebius": ("NEBIUS_API_KEY",),
    "ollama": ("OLLAMA_BASE_URL",),
    "openai": ("OPENAI_API_KEY",),
    "openai-chat": ("OPENAI_API_KEY",),
    "openai-responses": ("OPENAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY",),
    "ovhcloud": ("OVHCLOUD_API_KEY",),
    "sambanova": ("SAMBANOVA_API_KEY",),
    "together": ("TOGETHER_API_KEY",),
    "vercel": ("VERCEL_AI_GATEWAY_API_KEY|VERCEL_OIDC_TOKEN",),
    "vllm": ("VLLM_BASE_URL",),
    "zai": ("ZAI_API_KEY",),
}


# What the library of models can ask as well; for most of them their own package must be installed beside it.
OTHERS = frozenset(
    {
        *("azure-responses", "bedrock", "bedrock-mantle", "cohere", "github", "github-copilot", "google"),
        *("google-cloud", "google-decisions", "groq", "huggingface", "litellm", "mistral", "openai-chatgpt"),
        *("openai-codex", "openai-decisions", "snowflake", "system-one", "typesafe", "xai"),
    }
)
GATEWAY = "gateway/"


def is_known(provider: str) -> bool:
    """Whether the library knows it, alone or behind its gateway."""
    name = provider.removeprefix(GATEWAY)
    return name in NEEDS or name in OTHERS


def unknown(provider: str) -> str:
    """What to say of a provider that nobody here can ask."""
    return (
        f"{provider[:60]!r} is no provider that can be asked here. Use one of {', '.join(sorted({*NEEDS, *OTHERS}))}, "
        "or give the address of a server of your own."
    )
