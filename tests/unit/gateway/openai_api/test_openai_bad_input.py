"""Bad requests on the routes under /v1 that take JSON or a recording soon get an error in OpenAI's shape.

They leave nothing behind."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.audio import chirp, wav
from tests.support.gateway import TestGateway

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
ROUTES_OF_JSON = ("/chat/completions", "/audio/speech")
ROUTES_OF_FORMS = ("/audio/transcriptions", "/audio/translations")
RECORDING = {"file": ("a.wav", wav(chirp(0.2, 24_000), 24_000))}
CHAT = {"model": "-", "messages": [{"role": "user", "content": "Hi"}]}
SPEECH = {"model": "-", "input": "Hi", "voice": "alloy"}
SCHEMA = {"response_format": {"type": "json_schema", "json_schema": {"schema": {"minimum": "?"}}}}

BODIES = {
    "nothing": b"",
    "half": b"{",
    "a zero byte": b"\0",
    "invalid UTF-8": b'{"model": "\xff"}',
    "UTF-16": "{}".encode("utf-16"),
    "deep": b"[" * 200_000,
    "deep objects": b'{"a": ' * 100_000,
    "a list": b"[]",
    "null": b"null",
    "a number": b"1e999",
}
TEXTS_AND_NUMBERS = {
    "half a character in a name": (ROUTES_OF_JSON[0], {**CHAT, "model": "?"}, b'"\\ud800"'),
    "half a character in a stop": (ROUTES_OF_JSON[0], {**CHAT, "stop": "?"}, b'"\\udfff"'),
    "half a character in a schema": (ROUTES_OF_JSON[0], {**CHAT, **SCHEMA}, b'"\\udfff"'),
    "NaN in a schema": (ROUTES_OF_JSON[0], {**CHAT, **SCHEMA}, b"NaN"),
    "NaN as temperature": (ROUTES_OF_JSON[0], {**CHAT, "temperature": "?"}, b"NaN"),
    "an infinite number": (ROUTES_OF_JSON[0], {**CHAT, "top_p": "?"}, b"-Infinity"),
    "a number of 6,000 digits": (ROUTES_OF_JSON[0], {**CHAT, "seed": "?"}, b"9" * 6_000),
    "half a character in a text": (ROUTES_OF_JSON[1], {**SPEECH, "input": "?"}, b'"\\ud800"'),
    "half a character in a voice": (ROUTES_OF_JSON[1], {**SPEECH, "voice": "?"}, b'"\\ud800"'),
    "NaN as speed": (ROUTES_OF_JSON[1], {**SPEECH, "speed": "?"}, b"NaN"),
}
FORMS: dict[str, dict[str, Any]] = {
    "two files": {"files": [("file", RECORDING["file"])] * 2, "data": {"model": "-"}},
    "a file that is a field": {"files": {"other": ("a", b"x")}, "data": {"model": "-", "file": "x"}},
    "a field that is a file": {"files": {**RECORDING, "model": ("a", b"x")}},
    "many fields": {"files": RECORDING, "data": {"model": "-", **{f"f{number}": "x" for number in range(60)}}},
    "NaN as temperature": {"files": RECORDING, "data": {"model": "-", "temperature": "nan"}},
    "a long field": {"files": RECORDING, "data": {"model": "x" * 2_000_000}},
    "a list of models": {"files": RECORDING, "data": {"model[]": "-"}},
}
PARTS = {
    "no part": b"x",
    "no header": b"--x\r\n\r\nabc\r\n--x--\r\n",
    "a bad header": b'--x\r\nContent-Disposition: form-data; name=\xff; filename="\\\r\n\r\na\r\n--x--\r\n',
    "half a part": b'--x\r\nContent-Disposition: form-data; name="model"\r\n\r\nabc',
}


async def answers_of(
    gateway: TestGateway, requests: list[tuple[str, str, dict[str, Any]]]
) -> dict[str, httpx.Response]:
    """The answers to the requests, by name. A request is (name, path, arguments)."""
    async with gateway.running(), httpx.AsyncClient(base_url=f"{gateway.http}/v1", timeout=10, verify=False) as http:
        return {name: await http.post(path, **arguments) for name, path, arguments in requests}


def check(answers: dict[str, httpx.Response]) -> None:
    for name, answer in answers.items():
        assert answer.status_code in (400, 413), (name, answer.text)
        assert answer.json()["error"]["type"] == "invalid_request_error", name
        assert answer.json()["error"]["message"], name


async def test_bodies_of_json() -> None:
    gateway = TestGateway()
    requests = [
        (f"{path}: {name}", path, {"content": body, "headers": JSON})
        for path in ROUTES_OF_JSON
        for name, body in BODIES.items()
    ]
    requests += [
        (f"{path}: another type", path, {"content": b"<a/>", "headers": {"Content-Type": "text/xml"}})
        for path in ROUTES_OF_JSON
    ]
    requests += [
        (name, path, {"content": json.dumps(body).encode().replace(b'"?"', value), "headers": JSON})
        for name, (path, body, value) in TEXTS_AND_NUMBERS.items()
    ]
    check(await answers_of(gateway, requests))
    assert gateway.open_streams == 0


@pytest.mark.parametrize("path", ROUTES_OF_FORMS)
async def test_forms(path: str) -> None:
    gateway = TestGateway()
    requests = [(name, path, arguments) for name, arguments in FORMS.items()]
    requests += [(name, path, {"content": part, "headers": FORM}) for name, part in PARTS.items()]
    check(await answers_of(gateway, requests))
    assert gateway.services.recordings.lengths == []
