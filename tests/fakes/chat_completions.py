"""A model server on a real socket that speaks the chat-completions protocol, its failures included.

Each request takes the next scripted answer; what was asked is recorded. It knows nothing of Countersign.
Run it alone with `python -m tests.fakes.chat_completions --port 0`: it prints its base URL, takes answers by
`POST /script` (a JSON list of answers) and shows what it was asked at `GET /requests`.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclasses.dataclass(frozen=True)
class Call:
    """A tool call in an answer. `arguments` is sent as it is when it is text, so that it can be malformed."""

    name: str
    arguments: Any = dataclasses.field(default_factory=dict)
    id: str = "call_1"

    @property
    def text(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments)


@dataclasses.dataclass(frozen=True)
class Answer:
    """What the server does with one request.

    `then` is what happens after the content was sent: "end", "cut" (the connection breaks), "stall" (silence).
    `before` "hang" never answers at all. `usage` None leaves usage out. `body` replaces the whole response.
    `pause` is the wait between pieces, in seconds.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    usage: tuple[int, int] | None = (11, 7)
    finish: str = ""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    content_type: str = "application/json"
    before: str = "answer"
    then: str = "end"
    piece: int = 8
    pause: float = 0.0


def final(output: Any, *, id: str = "call_final", **more: Any) -> Answer:
    """An answer by the tool `final_output`, as a model that follows its contract gives it."""
    return Answer(calls=(Call("final_output", {"output": output, **more}, id),))


def failure(status: int, message: str, *, code: str = "", **headers: str) -> Answer:
    """An error in the protocol's own form. Header names are given with underscores."""
    error = {"error": {"message": message, "type": "error", "code": code or None}}
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Answer(status=status, body=json.dumps(error).encode(), headers=named)


def junk(body: bytes = b"<html>gateway</html>", content_type: str = "application/json") -> Answer:
    """A 200 whose body is not what the protocol says."""
    return Answer(body=body, content_type=content_type)


HANG = Answer(before="hang")


@dataclasses.dataclass
class Asked:
    """One recorded request. `was_left` is set when the client closed the connection before the answer ended."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    was_left: threading.Event = dataclasses.field(default_factory=threading.Event)


class ChatCompletions:
    """The server, as a context manager. `otherwise` answers when the script is at its end."""

    def __init__(
        self,
        answers: Iterable[Answer] = (),
        *,
        port: int = 0,
        key: str = "",
        otherwise: Callable[[dict[str, Any]], Answer] | None = None,
    ) -> None:
        self.answers = collections.deque(answers)
        self.asked: list[Asked] = []
        self.key = key
        self.otherwise = otherwise or (lambda body: failure(500, "no answer is scripted"))
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/v1"

    def say(self, *answers: Answer) -> None:
        """Add answers to the script."""
        self.answers.extend(answers)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer_to(self, asked: Asked) -> Answer:
        if self.key and asked.headers.get("authorization") != f"Bearer {self.key}":
            return failure(401, f"Incorrect API key provided: {asked.headers.get('authorization')}")
        try:
            return self.answers.popleft()
        except IndexError:
            return self.otherwise(asked.body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is part of the play."""


def _handler(server: ChatCompletions) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing is printed: the requests are recorded instead."""

        def do_GET(self) -> None:
            asked = [{"path": one.path, "body": one.body} for one in server.asked]
            self._send(200, json.dumps(asked).encode())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
            if self.path == "/script":
                server.say(*(answer_from(entry) for entry in body))
                return self._send(200, b"{}")
            asked = Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            server.asked.append(asked)
            try:
                self._answer(server.answer_to(asked), asked)
            except OSError:  # the client went away
                asked.was_left.set()
                self.close_connection = True

        def _answer(self, answer: Answer, asked: Asked) -> None:
            if answer.before == "hang":
                return self._wait_in_silence(asked)
            if answer.body is not None:
                return self._send(answer.status, answer.body, answer.content_type, answer.headers)
            if not asked.body.get("stream"):
                completion = json.dumps(_completion(answer, asked.body)).encode()
                return self._send(answer.status, completion, headers=answer.headers)
            return self._stream(answer, asked)

        def _stream(self, answer: Answer, asked: Asked) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            for name, value in answer.headers:
                self.send_header(name, value)
            self.end_headers()
            for chunk in _chunks(answer, asked.body):
                self._piece(f"data: {json.dumps(chunk)}\n\n".encode())
                if answer.pause:
                    time.sleep(answer.pause)
            if answer.then == "stall":
                return self._wait_in_silence(asked)
            if answer.then == "cut":
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return None
            for last in _endings(answer, asked.body):
                self._piece(f"data: {json.dumps(last)}\n\n".encode())
            self._piece(b"data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")
            return None

        def _piece(self, data: bytes) -> None:
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            self.wfile.flush()

        def _wait_in_silence(self, asked: Asked) -> None:
            self.close_connection = True
            while not server.stopping.is_set():
                readable, _, _ = select.select([self.connection], [], [], 0.02)
                if readable and not self.connection.recv(1, socket.MSG_PEEK):
                    asked.was_left.set()
                    return

        def _send(
            self,
            status: int,
            body: bytes,
            content_type: str = "application/json",
            headers: tuple[tuple[str, str], ...] = (),
        ) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler


def _completion(answer: Answer, body: dict[str, Any]) -> dict[str, Any]:
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.text}}
        for call in answer.calls
    ]
    message = {
        "role": "assistant",
        "content": answer.text or None,
        **({"tool_calls": calls} if calls else {}),
    }
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": body.get("model", ""),
        "choices": [{"index": 0, "message": message, "finish_reason": _finish(answer)}],
    }
    return whole | ({"usage": _usage(answer.usage)} if answer.usage else {})


def _chunks(answer: Answer, body: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield _chunk(body, {"role": "assistant", "content": ""})
    for start in range(0, len(answer.text), answer.piece):
        yield _chunk(body, {"content": answer.text[start : start + answer.piece]})
    for index, call in enumerate(answer.calls):
        head = {
            "index": index,
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }
        yield _chunk(body, {"tool_calls": [head]})
        for start in range(0, len(call.text), answer.piece):
            part = {"index": index, "function": {"arguments": call.text[start : start + answer.piece]}}
            yield _chunk(body, {"tool_calls": [part]})


def _endings(answer: Answer, body: dict[str, Any]) -> Iterable[dict[str, Any]]:
    yield _chunk(body, {}, _finish(answer))
    if answer.usage and (body.get("stream_options") or {}).get("include_usage"):
        yield {**_chunk(body, {}), "choices": [], "usage": _usage(answer.usage)}


def _chunk(body: dict[str, Any], delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    kind = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1}
    return {**kind, "model": body.get("model", ""), "choices": [choice]}


def _finish(answer: Answer) -> str:
    return answer.finish or ("tool_calls" if answer.calls else "stop")


def _usage(usage: tuple[int, int]) -> dict[str, int]:
    return {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}


def answer_from(entry: dict[str, Any]) -> Answer:
    """An Answer from its JSON form, as `POST /script` takes it."""
    calls = tuple(Call(**call) for call in entry.pop("calls", ()))
    body = entry.pop("body", None)
    if isinstance(entry.get("usage"), list):
        entry["usage"] = tuple(entry["usage"])
    headers = tuple(dict(entry.pop("headers", {})).items())
    return Answer(**entry, calls=calls, headers=headers, body=body.encode() if body is not None else None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--key", default="", help="the API key that requests must carry")
    given = parser.parse_args()
    with ChatCompletions(port=given.port, key=given.key, otherwise=lambda body: Answer(text="ok")) as server:
        print(server.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
