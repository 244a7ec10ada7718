"""The pages of the APIs list exactly the messages, fields, errors and codes that the code has."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from pydantic import BaseModel

import gateway
from common import grpc_errors
from common.errors import ServiceError
from gateway.audio.errors import AudioError, AudioErrorCode
from gateway.closing import ENDED, EXPELLED, FULL, IDLE, LEFT, MOVING, OUT_OF_TIME, TAKEN_OVER
from gateway.protocol import AnyClientMessage, AnyServerMessage
from tests.support.markdown import first_column, page, sections
from tests.support.settings_table import ROOT

PROTOCOL = ROOT / "docs" / "protocol.md"
OPENAI_API = "gateway.openai_api"
REALTIME = "gateway.realtime"


def fields_of(model: type[BaseModel]) -> Iterator[str]:
    """Dotted names of a message's fields; `[]` after a list."""
    for name, field in model.model_fields.items():
        inner = [arg for arg in _types_in(field.annotation) if isinstance(arg, type) and issubclass(arg, BaseModel)]
        if name == "type":
            continue
        if not inner:
            yield name
        for nested in inner:
            listed = "[]" if "tuple" in str(field.annotation) else ""
            yield from (f"{name}{listed}.{below}" for below in fields_of(nested))


def _types_in(annotation: Any) -> Iterator[Any]:
    yield annotation
    for arg in get_args(annotation):
        yield from _types_in(arg)


def messages(union: Any) -> dict[str, type[BaseModel]]:
    models = [t for t in _types_in(union) if isinstance(t, type) and issubclass(t, BaseModel)]
    return {get_args(model.model_fields["type"].annotation)[0]: model for model in models}


@pytest.mark.parametrize(
    ("section", "union"), [("Client → server", AnyClientMessage), ("Server → client", AnyServerMessage)]
)
def test_the_protocol_page_lists_exactly_the_messages_and_fields_of_the_code(section: str, union: Any) -> None:
    documented = sections(sections(page(PROTOCOL), "##")[section], "###")
    documented.pop("binary", None)
    in_code = messages(union)
    assert set(documented) == set(in_code)
    for name, model in in_code.items():
        assert first_column(documented[name]) == list(fields_of(model)), name


def test_the_messages_in_bold_are_those_that_a_simple_client_needs() -> None:
    bold = set(re.findall(r"^### \*\*(\w+)\*\*$", page(PROTOCOL), re.MULTILINE))
    assert bold == {
        *("binary", "end_conversation", "set_level", "ping"),
        *("connected", "transcript", "ai_text", "ai_audio_start", "turn_complete", "analysis", "error"),
    }


def error_codes() -> dict[str, bool]:
    """Every code that an `error` message can have → whether the error is retryable.

    The codes are read from the classes of errors, and from `code="…"` where an error is made. The codes of OpenAI's
    APIs are left out, because they are on pages of their own.
    """
    for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    classes = {
        cls.__name__: cls
        for cls in _below(ServiceError)
        if cls.__module__.startswith(("common", "gateway")) and not cls.__module__.startswith((OPENAI_API, REALTIME))
    }
    codes = {cls.code: cls.retryable for cls in classes.values() if "code" in vars(cls)}
    codes |= dict.fromkeys(get_args(AudioErrorCode), AudioError.retryable)
    for path in (ROOT / "gateway").rglob("*.py"):
        if {OPENAI_API.rpartition(".")[2], REALTIME.rpartition(".")[2]} & set(path.relative_to(ROOT).parts):
            continue
        for call in ast.walk(ast.parse(path.read_text())):
            match call:
                case ast.Call(func=ast.Name(id=name), keywords=keywords) if name in classes:
                    for keyword in keywords:
                        if keyword.arg == "code" and isinstance(keyword.value, ast.Constant):
                            codes[str(keyword.value.value)] = classes[name].retryable
    return codes


def _below(cls: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _below(sub)


def test_the_protocol_page_lists_exactly_the_error_codes_of_the_code() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (yes|no) \|", sections(page(PROTOCOL), "##")["Errors"], re.MULTILINE)
    documented = {code: again == "yes" for code, again in rows}
    assert len(documented) == len(rows)
    assert documented == error_codes()


def test_the_page_of_the_openai_compatible_api_lists_the_codes_of_its_errors() -> None:
    error_codes()  # imports the modules
    ours = {cls.code for cls in _below(ServiceError) if cls.__module__.startswith(OPENAI_API) and "code" in vars(cls)}
    assert ours
    listed = sections(page(ROOT / "docs" / "openai-api.md"), "##")["Errors"]
    assert ours <= set(re.findall(r"`(\w+)`", listed))


def test_the_protocol_page_lists_the_close_codes() -> None:
    rows = re.findall(r"^\| (\d{4}) \|", sections(page(PROTOCOL), "##")["Close codes"], re.MULTILINE)
    ours = {str(closing.code) for closing in (ENDED, LEFT, IDLE, EXPELLED, FULL, MOVING, OUT_OF_TIME, TAKEN_OVER)}
    assert set(rows) == ours | {"1009", "1011"}  # 1009: a message is too large; 1011: a bug


def test_the_services_page_lists_the_status_codes_of_our_errors() -> None:
    documented = set(first_column(sections(page(ROOT / "docs" / "services.md"), "##")["Errors"]))
    assert documented == {code.name for code in grpc_errors._ERRORS} - {"OUT_OF_RANGE"} | {
        "CANCELLED",
        "INTERNAL",
        "UNAUTHENTICATED",
    }
