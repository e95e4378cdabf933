"""What the API's description says of every operation, beside what each says of itself."""

from __future__ import annotations

from typing import Any

PROBLEM = {
    "title": "Problem",
    "description": "A problem document (RFC 9457). Programs act upon `code`; `detail` says what to do next.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "problem": {"type": "string"}},
            },
        },
    },
}
PROBLEMS = {
    "description": "Anything else: a problem document. 429 and 503 carry Retry-After.",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "maxLength": 200},
    "description": "A name for this one call. Sent again under it, the call does nothing and gets the same answer.",
}
# A sign-off needs no key: the same answer twice counts once.
WITHOUT_KEY = frozenset({"sign_off"})


def described(schema: Any) -> Any:
    """The description with the problem documents of all operations, and the key of those that change something."""
    schema["components"].setdefault("schemas", {})["Problem"] = PROBLEM
    for operations in schema["paths"].values():
        for method, operation in operations.items():
            operation["responses"]["default"] = PROBLEMS
            if method == "post" and operation["operationId"] not in WITHOUT_KEY:
                operation.setdefault("parameters", []).append(KEY)
    return schema
