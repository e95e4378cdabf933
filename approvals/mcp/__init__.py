"""The MCP server: the gate as tools, for agents that speak the Model Context Protocol. Mounted by `config.mcp_mount`.

It does what REST does, with the same tokens and counts. A refusal is a value, because the text of an exception
does not reach the caller.
"""

from __future__ import annotations

from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import MCPServer

from approvals.mcp import calls, tools

TOOLS = (
    tools.request_approval,
    tools.check_approval,
    tools.claim_action,
    tools.report_result,
    tools.assert_belief,
    tools.make_commitment,
    tools.settle_commitment,
    tools.finish_run,
)
INSTRUCTIONS = (
    "Before you do anything that changes the world, call request_approval with the tool and the exact arguments. "
    "While its state is proposed or held, call check_approval. When it is allowed or released, call claim_action, do "
    "exactly what claim_action returns before execute_by, and call report_result. When it is refused, do not do it; "
    "explanation says why. When you are done, call finish_run."
)


def build_server() -> MCPServer:
    """A server with all tools. One serves one event loop."""
    server = MCPServer(
        "countersign",
        instructions=INSTRUCTIONS,
        token_verifier=calls.Tokens(),
        auth=AuthSettings(
            issuer_url="http://countersign.invalid",  # type: ignore[arg-type]  # the SDK reads text as an address
            resource_server_url=None,
            required_scopes=["act"],
        ),
    )
    for tool in TOOLS:
        server.tool()(tool)
    return server
