"""Asks Countersign before something is done. Standard library alone: copy this file beside your agent.

COUNTERSIGN_URL is where it runs, COUNTERSIGN_TOKEN the token of your agent.
"""

import json
import os
import urllib.request
import uuid


def call(method, path, body=None):
    """One call. A key of its own lets you send it again after a lost connection."""
    headers = {
        "Authorization": "Bearer " + os.environ["COUNTERSIGN_TOKEN"],
        "Content-Type": "application/json",
    }
    if body is not None:
        headers["Idempotency-Key"] = uuid.uuid4().hex
    request = urllib.request.Request(
        os.environ["COUNTERSIGN_URL"].rstrip("/") + "/api/v1" + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers=headers,
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def start_run(title):
    """A run of your agent, under which people find what it asks for."""
    return call("POST", "/runs", {"title": title})["id"]


def finish_run(run, output=None):
    """The agent is done."""
    call("POST", f"/runs/{run}/finish", {"output": output})


def gated(run, tool, arguments, do, reason=""):
    """Do it when it may be done: wait for people, do exactly what they saw, report. Else say why not."""
    action = call("POST", f"/runs/{run}/actions", {"tool": tool, "arguments": arguments, "reason": reason})
    address = f"/runs/{run}/actions/{action['action']}"
    while action["state"] in ("proposed", "held"):
        action = call("GET", address + "?wait=30")
    if action["state"] not in ("allowed", "released"):
        return {"refused": action["explanation"]}
    claim = call("POST", address + "/claim", {"digest": action["digest"]})
    try:
        result = do(**claim["arguments"])
    except Exception as error:
        call(
            "POST",
            address + "/result",
            {"outcome": "unknown", "text": f"{type(error).__name__}: {error}"[:500]},
        )
        raise
    call("POST", address + "/result", {"outcome": "executed", "result": result})
    return result
