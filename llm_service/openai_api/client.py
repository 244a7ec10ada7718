"""One server that speaks the OpenAI chat-completions protocol: vLLM, llama.cpp, Ollama, SGLang, …

start:   GET /models until it answers  →  which model to ask for  →  one real token
stream:  POST /chat/completions  →  server-sent events  →  Delta, Delta, …, Done
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from common.engine_info import EngineDescription
from common.errors import DeadlineError, EngineError, InvalidInputError, ServiceError, UnavailableError
from common.tracing import http_headers, stage
from llm_service.engine import Delta, Done, GenerationRequest, Message
from llm_service.openai_api.chat_completions import (
    END,
    NOT_OURS,
    ReplyReader,
    error_for,
    error_message,
    payload,
    penalties,
    server_kind,
)
from llm_service.openai_api.sse import SseError, SseParser

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
RETRY_S = 0.5  # between two tries to reach a server that isn't up yet
REMIND_S = 10.0  # between log lines about it
MAX_ERROR_BYTES = 64 * 1024
ONE_TOKEN = GenerationRequest((Message("user", "Hello"),), max_tokens=1, temperature=0.0)
WITH_PENALTIES = replace(
    ONE_TOKEN, min_p=0.05, repetition_penalty=1.05, frequency_penalty=0.1, presence_penalty=0.1, dry_multiplier=0.5
)


class _Meta(BaseModel):
    n_params: int = 0


class _Model(BaseModel):
    id: str
    owned_by: str | None = None
    meta: _Meta | None = None  # only llama.cpp sends it


class _Models(BaseModel):
    data: list[_Model]


class OpenAiEngine:
    """An LlmEngine: the server at `base_url` ("http://host:port/v1").

    request_timeout_s: how long the server may send nothing. trust_env: whether HTTP(S)_PROXY and NO_PROXY are used.
    transport: in place of the network, for tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        model: str,
        api_key: str = "",
        request_timeout_s: float = 60.0,
        trust_env: bool = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.model = model
        self.ready = False
        self.parameters = 0
        self._kind = ""
        self._refused: frozenset[str] = frozenset()
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(request_timeout_s, connect=min(CONNECT_TIMEOUT_S, request_timeout_s), pool=None),
            # One connection per request. llama.cpp closes a connection after a stream without announcing it, and a
            # request that fails for that reason looks like one that the server has begun to work on.
            limits=httpx.Limits(max_keepalive_connections=0),
            trust_env=trust_env,
            transport=transport,
        )

    async def start(self) -> None:
        """Wait until the server answers and has the model, however long that takes: it may be started after us."""
        next_reminder = time.monotonic() + REMIND_S
        while True:
            try:
                await self.warm_up()
            except ServiceError as error:
                if time.monotonic() >= next_reminder:
                    next_reminder += REMIND_S
                    logger.warning("still waiting for the model server at %s: %s", self.base_url, error.message)
                await asyncio.sleep(RETRY_S)
            else:
                return

    async def warm_up(self) -> None:
        """Choose the model and have it write one token; raises a ServiceError if that fails."""
        models = {model.id: model for model in await self._served_models()}
        self.model = choose_model(self.model, list(models))
        found = models[self.model]
        self._kind = server_kind(found.owned_by or "")
        self.parameters = found.meta.n_params if found.meta else 0
        self._refused = frozenset()
        if await self._is_refused(WITH_PENALTIES):
            await self._find_refused()
            await self._write(ONE_TOKEN)
        self.ready = True

    async def _find_refused(self) -> None:
        """Try each sampling parameter alone, and leave out from now on what the server refuses."""
        names = frozenset(penalties(WITH_PENALTIES, self._kind))
        refused = set()
        for name in sorted(names):
            self._refused = names - {name}
            if await self._is_refused(WITH_PENALTIES):
                refused.add(name)
        self._refused = frozenset(refused)
        if refused:
            logger.warning("the model server refuses %s; it is asked without", ", ".join(sorted(refused)))

    async def _is_refused(self, request: GenerationRequest) -> bool:
        try:
            await self._write(request)
        except InvalidInputError:
            return True
        return False

    async def _write(self, request: GenerationRequest) -> None:
        async with aclosing(self.stream(request)) as events:
            async for _ in events:
                pass

    async def close(self) -> None:
        self.ready = False
        await self._client.aclose()

    def describe(self) -> EngineDescription:
        return EngineDescription(engine="openai", model=self.model, device="remote", parameters=self.parameters)

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[Delta | Done, None]:
        reply, parser = ReplyReader(), SseParser()
        async with self._post(
            "/chat/completions", payload(self.model, request, self._kind, without=self._refused)
        ) as response:
            async for chunk in response.aiter_bytes():
                for data in parser.feed(chunk):
                    if data == END:
                        yield reply.finish()
                        return
                    if delta := reply.read(data):
                        yield delta
        yield reply.finish()  # some servers leave [DONE] out

    async def metrics(self) -> str:
        """The server's own Prometheus metrics, which vLLM and llama.cpp serve at /metrics."""
        with _translated():
            response = await self._client.get(f"{self.base_url.removesuffix('/v1')}/metrics", timeout=CONNECT_TIMEOUT_S)
        if response.status_code != httpx.codes.OK:
            raise UnavailableError(f"the model server has no metrics (HTTP {response.status_code})")
        return response.text

    @asynccontextmanager
    async def _post(self, path: str, body: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        with _translated(), stage("chat.completions") as span:
            headers = http_headers(span)
            async with self._client.stream("POST", self.base_url + path, json=body, headers=headers) as response:
                if response.status_code != httpx.codes.OK:
                    raise error_for(response.status_code, error_message(await _start_of(response)))
                if not response.headers.get("content-type", "").startswith("text/event-stream"):
                    raise EngineError(f"the model server failed: {NOT_OURS}")
                yield response

    async def _served_models(self) -> list[_Model]:
        with _translated():
            response = await self._client.get(f"{self.base_url}/models")
        if response.status_code == httpx.codes.NOT_FOUND:
            raise UnavailableError(f"nothing at {self.base_url}/models; LLM_BASE_URL usually ends in /v1")
        if response.status_code != httpx.codes.OK:
            raise error_for(response.status_code, error_message(response.text))
        try:
            return _Models.model_validate_json(response.content).data
        except ValidationError:
            raise EngineError(f"the model server failed: {NOT_OURS}") from None


def choose_model(wanted: str, served: list[str]) -> str:
    """`wanted` if the server has it, else the only model that the server has.

    Raises InvalidInputError, naming the models, if the server has several others; UnavailableError if it has none.
    """
    if wanted in served:
        return wanted
    if len(served) == 1:
        logger.info("the model server has %s, not %s: using that", served[0], wanted)
        return served[0]
    if not served:
        raise UnavailableError("the model server has no model at all; load one there")
    raise InvalidInputError(
        f"LLM_MODEL_NAME={wanted}: the model server does not have this model; set one that it has: {', '.join(served)}"
    )


@contextmanager
def _translated() -> Iterator[None]:
    """Turn errors of httpx and of the parser into ours. Their texts may quote the stream, so they are not chained."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise UnavailableError("the model server can't be reached; try again in a few seconds") from None
    except httpx.TimeoutException:
        raise DeadlineError("the model server sent nothing for LLM_REQUEST_TIMEOUT_S; try again") from None
    except (httpx.NetworkError, httpx.RemoteProtocolError):
        raise EngineError("the connection to the model server broke in the middle of a reply; try again") from None
    except (httpx.HTTPError, httpx.InvalidURL, SseError):
        raise EngineError(f"the model server failed: {NOT_OURS}") from None


async def _start_of(response: httpx.Response) -> str:
    """The beginning of an error's body, since the body may be of any size."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= MAX_ERROR_BYTES:
            break
    return body[:MAX_ERROR_BYTES].decode("utf-8", errors="replace")
