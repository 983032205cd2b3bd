"""A hub on this machine: one repository of a few files, served as the client asks for them, or with a fault."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub
import pytest
from huggingface_hub import constants

COMMITS = ("a" * 40, "b" * 40)
LARGE = (".safetensors", ".glb")  # files that are named by their SHA-256


class Hub(ThreadingHTTPServer):
    """Serves `files` (name to content) at the commit `COMMITS[newest]`.

    Attributes:
        fault: "RepoNotFound", "GatedRepo", "wrong" (large files of other content than their checksum says) or
            "cut" (the connection ends halfway, once).
        asked: the byte ranges and commits of the downloads so far.
    """

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.fault, self.newest, self.asked = files, None, 0, []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def point_client_at(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the hub's client ask this address."""
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    huggingface_hub.close_session()


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Hub]:
    """The hub while the block runs."""
    with Hub(files) as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


def _digest(name: str, content: bytes) -> str:
    return (hashlib.sha256 if name.endswith(LARGE) else hashlib.sha1)(content).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, body: bool) -> None:
        hub, path = self.server, self.path.split("?")[0]
        if hub.fault == "RepoNotFound" or (hub.fault == "GatedRepo" and "/resolve/" in path):
            status = {"RepoNotFound": 404, "GatedRepo": 403}[hub.fault]
            return self._send(status, b"", {"X-Error-Code": hub.fault}, body)
        if "/tree/" in path:
            return self._send_json([self._entry(name) for name in hub.files], body)
        if "/api/models/" in path:
            siblings = [{"rfilename": name} for name in hub.files]
            return self._send_json({"id": "x/y", "sha": COMMITS[hub.newest], "siblings": siblings}, body)
        return self._send_file(path, body)

    def _entry(self, name: str) -> dict:
        content = self.server.files[name]
        large = {"oid": _digest(name, content), "size": len(content), "pointerSize": 1}
        lfs = {"lfs": large} if name.endswith(LARGE) else {}
        oid = hashlib.sha1(content).hexdigest()
        return {"type": "file", "path": name, "size": len(content), "oid": oid, **lfs}

    def _send_file(self, path: str, body: bool) -> None:
        hub, (revision, name) = self.server, path.partition("/resolve/")[2].split("/", 1)
        if name not in hub.files:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound"}, body)
        content, commit = hub.files[name], COMMITS[hub.newest] if revision == "main" else revision
        headers = {"ETag": f'"{_digest(name, content)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if hub.fault == "wrong" and name.endswith(LARGE):
            content = content[:-1] + bytes([content[-1] ^ 1])
        first = 0
        if "Range" in self.headers and body:
            first = int(self.headers["Range"].removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        if body:
            hub.asked.append((name, first, commit))
        self._send(206 if "Content-Range" in headers else 200, content[first:], headers, body)

    def _send_json(self, value: object, body: bool) -> None:
        self._send(200, json.dumps(value).encode(), {"Content-Type": "application/json"}, body)

    def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if not body:
            return
        if self.server.fault == "cut" and len(content) > 10_000:
            self.server.fault = None
            content, self.close_connection = content[: len(content) // 2], True
        self.wfile.write(content)
