"""Loads the library of models once, in one thread at a time: it is large, and its parts import each other.

Two threads that load such a library at once see halves of it. Everything that asks a model comes through here first.
"""

from __future__ import annotations

import os
import threading

_loading = threading.Lock()
_is_loaded = False


def load() -> None:
    """Load it, or wait until another thread has. Takes a second and more the first time, and nothing after that."""
    global _is_loaded
    if _is_loaded:
        return
    with _loading:
        import genai_prices  # noqa: F401
        import pydantic_ai.direct
        import pydantic_ai.exceptions
        import pydantic_ai.messages
        import pydantic_ai.models
        import pydantic_ai.providers
        import pydantic_ai.tools  # noqa: F401

        _is_loaded = True


def lacks(provider: str) -> str:
    """What must be installed before this provider can be asked, in the library's words; empty when nothing must."""
    load()
    from pydantic_ai.providers import infer_provider_class

    try:
        infer_provider_class(provider)
    except ImportError as error:
        return str(error).partition(",")[0].rstrip(".")
    except ValueError:
        return ""
    return ""


def _forget() -> None:
    """The child of a fork has no thread that could still hold its parent's lock."""
    global _loading
    _loading = threading.Lock()


os.register_at_fork(after_in_child=_forget)
