"""An MCP server of somebody else's, on a real socket: a letter tool that keeps what it was asked to send.

Its tools can be described otherwise while it runs. It knows nothing of Countersign.
"""

from __future__ import annotations

import threading
import time
from typing import Any, Self

import uvicorn
from mcp.server.mcpserver import MCPServer


class LetterServer:
    """Use it as a context manager; `url` is where it is reached."""

    def __init__(self) -> None:
        self.letters: list[dict[str, str]] = []
        self.breaks_off = False
        self.server = MCPServer("letters")
        self.describe("Sends a letter.")
        self._http = uvicorn.Server(
            uvicorn.Config(
                self.server.streamable_http_app(stateless_http=True, json_response=True),
                host="127.0.0.1",
                port=0,
                log_level="critical",
            )
        )
        self.url = ""

    def describe(self, description: str) -> None:
        """Offer the tool under this description from now on."""

        def send_letter(to: str, text: str) -> dict[str, Any]:
            self.letters.append({"to": to, "text": text})
            if self.breaks_off:
                time.sleep(30)
            if to == "nobody":
                raise ValueError("There is nobody of that name.")
            return {"sent": to}

        known = getattr(self, "_offers", False)
        if known:
            self.server.remove_tool("send_letter")
        self.server.add_tool(send_letter, description=description)
        self._offers = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.run, daemon=True).start()
        while not self._http.started:
            time.sleep(0.01)
        port = self._http.servers[0].sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/mcp"
        return self

    def __exit__(self, *error: object) -> None:
        self._http.should_exit = self._http.force_exit = True
