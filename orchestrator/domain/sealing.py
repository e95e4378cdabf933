"""From what an agent asked for to a sealed action: checked against schema and scope, with its digest.

The digest covers what matters (agent, revision, tool and its version, target, arguments, on whose behalf) and
leaves out only the arguments an administrator declared non-semantic; an agent never chooses what is covered.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from orchestrator.domain import content, digests, schemas
from orchestrator.domain.commands import SealedAction
from orchestrator.domain.content import Content
from orchestrator.domain.replies import MAX_OTHERWISE, ProposedAction
from orchestrator.domain.specs import AgentSpec, Scope, ToolSpec, WorkflowSpec

REASON_LENGTH = 4000


def seal_action(
    spec: WorkflowSpec, agent: AgentSpec, proposal: ProposedAction, *, on_behalf_of: str
) -> tuple[SealedAction, list[bytes]]:
    """The sealed action, and the bytes of content that the caller must keep as blobs.

    What is unknown, malformed or outside the scope is sealed with its refusal, so that nobody is asked about it.
    """
    tool = spec.tools.get(proposal.tool)
    blobs: list[bytes] = []
    arguments = _keep(content.seal(proposal.arguments), blobs)
    evidence = None
    if proposal.evidence:
        listed = [
            {name: value for name, value in _plain(item).items() if value not in ("", None)}
            for item in proposal.evidence
        ]
        evidence = _keep(content.seal(listed), blobs)
    source, refusal = _refusal(agent, tool, proposal)
    facts = operands(tool, proposal.arguments) if tool is not None else {}
    sealed = SealedAction(
        tool=proposal.tool[:200],
        arguments=arguments,
        digest=action_digest(agent, tool, proposal.tool, proposal.arguments, on_behalf_of),
        call_id=proposal.call_id[:200],
        target=str(facts.get("target") or ""),
        amount=facts.get("amount"),
        currency=facts.get("currency"),
        person=facts.get("person"),
        reason=proposal.reason[:REASON_LENGTH],
        otherwise=proposal.otherwise[:MAX_OTHERWISE],
        evidence=evidence,
        refusal=refusal,
        refusal_source=source,
    )
    return sealed, blobs


def action_digest(
    agent: AgentSpec, tool: ToolSpec | None, name: str, arguments: Mapping[str, Any], on_behalf_of: str
) -> str:
    """SHA-256 over the canonical JSON of exactly what would be done, and for whom."""
    left_out = set(tool.non_semantic) if tool else set()
    return digests.digest(
        {
            "schema": 1,
            "agent": agent.slug,
            "revision": agent.revision,
            "tool": name,
            "tool_version": tool.version if tool else 0,
            "target": str(arguments.get(tool.target_field, "")) if tool and tool.target_field else "",
            "arguments": {key: value for key, value in arguments.items() if key not in left_out},
            "on_behalf_of": on_behalf_of,
        }
    )


def operands(tool: ToolSpec, arguments: Mapping[str, Any]) -> dict[str, str | None]:
    """The target, amount, currency and affected person that the declaration points at. A malformed amount is
    None: the gate holds what it cannot weigh."""
    amount = arguments.get(tool.amount_field) if tool.amount_field else None
    currency = arguments.get(tool.currency_field) if tool.currency_field else None
    return {
        "target": _plainly(arguments.get(tool.target_field, "")) if tool.target_field else "",
        "amount": _decimal(amount),
        "currency": _currency(currency),
        "person": _plainly(arguments[tool.person_field]) if arguments.get(tool.person_field) else None,
    }


def outside_scope(scope: Scope, tool: ToolSpec, target: str) -> str:
    """Why a scope does not allow a tool on a target, or "". Default deny."""
    if tool.name not in scope.tools:
        return f"The agent's scope does not name the tool {tool.name}."
    if tool.is_consequential and tool.category not in scope.categories:
        return f"The agent's scope does not allow {tool.category.replace('_', ' ')} actions."
    if scope.resources and not any(fnmatch.fnmatchcase(target, pattern) for pattern in scope.resources):
        return f"The agent's scope does not cover the target {target[:100]!r}."
    return ""


def _refusal(agent: AgentSpec, tool: ToolSpec | None, proposal: ProposedAction) -> tuple[str, str]:
    if tool is None:
        return "scope", f"The tool {proposal.tool[:100]!r} is not declared for this workflow."
    target = str(proposal.arguments.get(tool.target_field, "")) if tool.target_field else ""
    outside = outside_scope(agent.scope, tool, target)
    if outside:
        return "scope", outside
    wrong = schemas.problems(tool.parameters, proposal.arguments)
    if wrong:
        return "arguments", f"The arguments do not fit the tool's schema. {schemas.describe(wrong)}"
    return "", ""


def _plainly(value: Any) -> str:
    """An operand as the rows have it, which hold no NUL: what is compared with them must be written alike."""
    return str(value)[:500].replace("\0", "\ufffd")


def _currency(value: Any) -> str | None:
    """An ISO 4217 code in capitals. Anything else stays as it was said, so that it is never taken for a code."""
    if value is None:
        return None
    said = _plainly(value)[:40]
    return said.upper() if len(said) == 3 and said.isascii() and said.isalpha() else said


def _decimal(value: Any) -> str | None:
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number) >= Decimal(10) ** 18 or int(number.as_tuple().exponent) < -10:
        return None
    return format(number, "f")


def _plain(item: Any) -> dict[str, Any]:
    return {name: getattr(item, name) for name in item.__struct_fields__}


def _keep(sealed: tuple[Content, bytes], blobs: list[bytes]) -> Content:
    found, data = sealed
    if not found.is_inline:
        blobs.append(data)
    return found
