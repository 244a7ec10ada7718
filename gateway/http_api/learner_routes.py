"""The HTTP routes of a learner's own data: progress, words to learn, export, erasure.

The subject of the JSON Web Token identifies the learner. Without a token, the id that the client made up
(`start.learner`) does. The client sends it in the header `X-Learner`, which no access log contains.

These requests pass the same checks as those under /v1, except for the seat: origin → token → connections at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Protocol

from fastapi import APIRouter, Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import HTTPException
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict

from common.errors import InvalidInputError, ServiceError
from gateway import metrics
from gateway.admission.authenticator import Authenticator, UnauthorizedError, client_of, unauthorized
from gateway.conversation.learner import learner_name
from gateway.openai_common.errors import http_status
from gateway.ports import LearnerFiles
from gateway.ports.learner_record import (
    Erased,
    ExportedSession,
    LanguageTag,
    LearnedWord,
    LearnerExport,
    Rating,
    WordText,
    WordToKeep,
    schema,
)
from gateway.progress.overview import LearnerProgress, overview
from gateway.progress.review import new_word, reviewed

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 16 * 1024
BODY_WITHIN_S = 10.0
_STATUS = {"no_record": 404, "word_unknown": 404, "forbidden_origin": 403}
"""The HTTP status of errors with these codes. For other errors, the error's class decides."""


class Entry(Protocol):
    """Admits requests; `openai_api.entrance.Entrance` is one."""

    @property
    def authenticator(self) -> Authenticator:
        """Checks the request's token."""
        ...

    def client(self, request: Request, *, stores: bool = False) -> AbstractAsyncContextManager[None]:
        """Count the request within the block. stores: the request makes the store keep more. Raises
        ServiceError if the request is not admitted."""
        ...


class _BoundedRequest(Request):
    """A request whose body is limited in length and time."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        came = 0
        try:
            async with asyncio.timeout(BODY_WITHIN_S):
                async for piece in super().stream():
                    came += len(piece)
                    if came > MAX_BODY_BYTES:
                        raise HTTPException(413, f"the request's body has more than {MAX_BODY_BYTES:,} bytes")
                    yield piece
        except TimeoutError:
            raise HTTPException(408, f"the request's body took more than {BODY_WITHIN_S:g} s") from None


class _Route(APIRoute):
    """A route with a bounded body, which answers with our errors."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(_BoundedRequest(request.scope, request.receive))
            except UnauthorizedError as error:
                return unauthorized(error)
            except ServiceError as error:
                status = _STATUS.get(error.code) or http_status(error)
                return JSONResponse({"detail": error.message, "code": error.code}, status_code=status)

        return answer


class Problem(BaseModel):
    """Why a request was refused. code: one of the error codes in docs/protocol.md, or empty."""

    detail: str
    code: str = ""


router = APIRouter(
    route_class=_Route,
    prefix="/learner",
    tags=["learner"],
    responses={status: {"model": Problem} for status in (400, 401, 403, 404, 408, 413, 429, 503)},
)


async def _learner(
    request: Request,
    made_up: Annotated[
        str | None,
        Header(
            alias="X-Learner",
            pattern=r"^[A-Za-z0-9_-]{16,64}$",
            description="The id of `start.learner`. Not used with a JSON Web Token, whose `sub` is the learner.",
        ),
    ] = None,
) -> AsyncIterator[str]:
    """The name of the learner who sends the request. The request is counted until it is answered."""
    entry: Entry = request.app.state.entrance
    async with entry.client(request, stores=request.scope["endpoint"] in (agree, keep_word)):
        subject = client_of(request, entry.authenticator).subject
        if not (subject or made_up):
            raise InvalidInputError(
                "whose data? Send the header `X-Learner` (the id of `start.learner`), or log in with a JSON Web Token"
            )
        yield learner_name(subject, made_up or "")


def _files(request: Request) -> LearnerFiles:
    files: LearnerFiles = request.app.state.learner_files
    return files


Learner = Annotated[str, Depends(_learner)]
Files = Annotated[LearnerFiles, Depends(_files)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Consent(_Body):
    """The learner agrees that a record of their progress is kept."""

    keep_progress: Literal[True]


class Review(_Body):
    """How well the learner remembered a word."""

    word: WordText
    language: LanguageTag = "en"
    rating: Rating


class WordToRemove(_Body):
    """A word that the learner no longer wants to learn."""

    word: WordText
    language: LanguageTag = "en"


class Kept(BaseModel):
    """Whether a record is kept."""

    kept: bool


class Removed(BaseModel):
    """Whether the word was there."""

    removed: bool


class ErasedAnswer(BaseModel):
    """What was erased."""

    erased: Erased


@router.put("")
async def agree(consent: Consent, learner: Learner, files: Files) -> Kept:
    """Begin a record of progress, before the first conversation with `keep_progress`. 400: this server keeps none."""
    if not await files.agree(learner):
        raise InvalidInputError("this server keeps no progress (PROGRESS_TTL_S is 0)")
    return Kept(kept=True)


@router.get("/progress")
async def progress(learner: Learner, files: Files) -> LearnerProgress:
    """The learner's conversations, mistakes that come back, and words."""
    return await asyncio.to_thread(overview, await files.read(learner), _now())


@router.get("/export")
async def export(learner: Learner, files: Files) -> Response:
    """All data of the learner in one JSON file; GET /schemas/learner.json has its schema."""
    start = LearnerExport(
        exported_at=_now(),
        record=await files.read(learner),
        usual_pause_ms=await files.usual_pause_ms(learner),
        sessions=(),
    )
    head = (await asyncio.to_thread(start.model_dump_json)).removesuffix("]}")  # `sessions` comes last
    name = {"Content-Disposition": 'attachment; filename="ai-talk-learner.json"'}
    return StreamingResponse(_written(head, files.sessions(learner)), media_type="application/json", headers=name)


async def _written(head: str, sessions: AsyncIterator[ExportedSession]) -> AsyncIterator[str]:
    """The text of an export, one session at a time, because all sessions together may be large. It breaks off if the
    store can't be reached."""
    yield head
    comma = ""
    async for session in sessions:
        yield comma + session.model_dump_json()
        comma = ","
    yield "]}"


@router.delete("")
async def erase(learner: Learner, files: Files) -> ErasedAnswer:
    """Erase all data of the learner: the record, the stored conversations, and the usual pause."""
    erased = await files.erase(learner)
    metrics.ERASURES.inc()
    logger.info(  # the audit line says what was erased, but not whose data it was
        "audit: a learner's data were erased: %d conversations, %d words used, %d words to learn, %d sessions, usual "
        "pause: %s",
        erased.conversations,
        erased.words_used,
        erased.words_to_learn,
        erased.sessions,
        "yes" if erased.usual_pause else "no",
    )
    return ErasedAnswer(erased=erased)


@router.post("/words")
async def keep_word(wanted: WordToKeep, learner: Learner, files: Files) -> LearnedWord:
    """Keep a word to learn. If the word is already kept, it gets the new sentence and meaning."""
    known = await files.word(learner, wanted.language, wanted.word)
    changes = {name: text for name, text in (("sentence", wanted.sentence), ("meaning", wanted.meaning)) if text}
    kept = known.model_copy(update=changes) if known else new_word(wanted, _now())
    await files.put_word(learner, kept)
    return kept


@router.post("/words/review")
async def review(review: Review, learner: Learner, files: Files) -> LearnedWord:
    """Rate how well a word was remembered. The answer says when it is due again."""
    known = await files.word(learner, review.language, review.word)
    if known is None:
        raise InvalidInputError("this word is not among the words to learn; keep it first", code="word_unknown")
    word = reviewed(known, review.rating, _now())
    await files.put_word(learner, word)
    metrics.WORD_REVIEWS.labels(review.rating).inc()
    return word


@router.post("/words/remove")
async def remove_word(word: WordToRemove, learner: Learner, files: Files) -> Removed:
    """Forget a word to learn."""
    return Removed(removed=await files.drop_word(learner, word.language, word.word))


_schemas = APIRouter()


@_schemas.get("/schemas/learner.json")
async def learner_schema() -> dict[str, Any]:
    """The JSON Schema of GET /learner/export."""
    return schema()


def add_learner_routes(app: FastAPI, entrance: Entry, files: LearnerFiles) -> None:
    """Serve the routes."""
    app.state.entrance = entrance
    app.state.learner_files = files
    app.include_router(router)
    app.include_router(_schemas)


def _now() -> datetime:
    return datetime.now(UTC)
