"""The stand-in server itself: run alone, scripted over HTTP, as browser journeys use it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request


def test_it_runs_alone_and_takes_its_script_over_http():
    command = [sys.executable, "-m", "tests.fakes.chat_completions", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            root = url.removesuffix("/v1")
            script = [{"calls": [{"name": "final_output", "arguments": {"output": 1}}], "usage": [3, 4]}]
            assert call(f"{root}/script", script) == {}
            first = call(f"{url}/chat/completions", {"model": "m", "messages": []})
            assert first["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"output": 1}'
            assert first["usage"] == {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
            assert call(f"{url}/chat/completions", {"model": "m"})["choices"][0]["message"]["content"] == "ok"
            assert [asked["body"]["model"] for asked in call(f"{root}/requests")] == ["m", "m"]
        finally:
            process.terminate()


def call(url: str, body: object = None) -> dict:
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data), timeout=30) as response:
        return json.loads(response.read())
