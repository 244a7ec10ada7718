"""Multipart forms with a file: limited in size and time, kept on disk rather than in memory, and deleted when the
request ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, BinaryIO, TypeVar, cast

from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from common.errors import BusyError, InvalidInputError
from gateway.openai_api.answers import CLIENT_LEFT, ParameterError, invalid_field

Form = TypeVar("Form", bound=BaseModel)

MAX_FIELDS = 50
# Only for the OpenAPI document: a recording's format is found in its contents, and not in its declared type.
RECORDING_TYPES = "audio/*, video/*"


class Uploads:
    """The uploads of one gateway. Its disk holds at most `at_once` files at a time."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once

    @asynccontextmanager
    async def receive(self, request: Request, form: type[Form]) -> AsyncIterator[tuple[BinaryIO, Form]]:
        """The field `file` and the other fields. The file is deleted at the end of the block.

        Raises BusyError, InvalidInputError, and HTTPException if the body is too large, too slow or breaks off.
        """
        if not self._free:
            raise BusyError("too many files are being sent at once; try again later", retry_after_s=5.0)
        self._free -= 1
        try:
            data = await _parse(request)
            try:
                yield _file_of(data), _fields(data, form)
            finally:
                await data.close()
        finally:
            self._free += 1


async def _parse(request: Request) -> FormData:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "multipart/form-data":
        raise InvalidInputError("send the file as multipart/form-data, in the field `file`")
    try:
        return await request.form(max_files=1, max_fields=MAX_FIELDS)
    except ClientDisconnect:  # the part that had arrived has already been deleted
        raise HTTPException(CLIENT_LEFT, "the client has closed the connection") from None
    except HTTPException as error:
        if error.status_code != 400:
            raise
        raise InvalidInputError(f"the form can't be read: {error.detail}") from error


def _file_of(data: FormData) -> BinaryIO:
    file = data.get("file")
    if not isinstance(file, UploadFile):
        raise ParameterError("`file`: send the recording in this field, with a file name", "file")
    if not file.size:
        raise ParameterError("`file`: the file is empty", "file")
    return file.file


def _fields(data: FormData, form: type[Form]) -> Form:
    values: dict[str, Any] = {}
    for name, value in data.multi_items():
        if name.endswith("[]"):
            values.setdefault(name.removesuffix("[]"), []).append(value)
        elif isinstance(value, str):
            values[name] = value
    try:
        return form.model_validate(values)
    except ValidationError as wrong:
        raise invalid_field(cast(dict[str, Any], wrong.errors()[0])) from None


def body_schema(form: type[BaseModel]) -> dict[str, Any]:
    """The request's body in the OpenAPI document."""
    schema = form.model_json_schema()
    schema["properties"] = {"file": {"type": "string", "format": "binary", "minLength": 1}} | {
        f"{name}[]" if one.get("type") == "array" else name: one for name, one in schema["properties"].items()
    }
    schema["required"] = ["file", *schema.get("required", [])]
    content = {"schema": schema, "encoding": {"file": {"contentType": RECORDING_TYPES}}}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": content}}}
