"""The HTTP requests that OpenAI-compatible servers answer. The servers' errors are turned into ours."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from common.errors import DeadlineError, EngineError, ServiceError, UnavailableError
from common.proxy_for import proxy_for
from common.tracing import http_headers, stage
from llm_service.engine import Message
from llm_service.openai_api.chat_completions import NOT_OURS, error_for, error_message
from llm_service.openai_api.context import MESSAGE_TOKENS, most_tokens
from llm_service.openai_api.models import ServedModel, served_models
from llm_service.openai_api.own_connection import OwnConnection
from llm_service.openai_api.reply_reader import END
from llm_service.openai_api.sse import SseError, SseParser
from llm_service.openai_api.unreachable import why_unreachable

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
MAX_ERROR_BYTES = 64 * 1024
_LISTS_NOTHING = {403, 404, 405, 501}  # 403: the key allows chat, but not listing models


class _Tokens(BaseModel):
    tokens: list[int]


class LoadedAdapter(BaseModel):
    """An adapter (LoRA) that llama.cpp has loaded. scale: how strongly it works if a request says nothing; 0: not."""

    id: int
    path: str
    scale: float

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return PurePath(self.path).stem


_ADAPTERS = TypeAdapter(list[LoadedAdapter])


class _Generation(BaseModel):
    n_ctx: int = 0


class _Props(BaseModel):
    default_generation_settings: _Generation


class ServerApi:
    """The server at `base_url` ("http://host:port/v1"). Its methods raise ServiceErrors.

    request_timeout_s: how long the server may send nothing. trust_env: whether HTTP(S)_PROXY and NO_PROXY are used.
    transport: replaces the network in tests.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str,
        request_timeout_s: float,
        trust_env: bool,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        network = OwnConnection(
            proxy=proxy_for(base_url) if trust_env else None,
            verify=_certificates(base_url, trust_env=trust_env),
        )
        self._client = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
            timeout=httpx.Timeout(request_timeout_s, connect=min(CONNECT_TIMEOUT_S, request_timeout_s), pool=None),
            trust_env=False,
            transport=transport or network,
            event_hooks={"request": [_name_for_tls]},
        )

    @property
    def host(self) -> str:
        """The server's host and port, without a password."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    @property
    def _root(self) -> str:
        """The server's address without /v1, for requests that are not part of OpenAI's API."""
        return self.base_url.removesuffix("/v1")

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._client.aclose()

    async def models(self) -> list[ServedModel] | None:
        """The server's models. None if it offers no list, like Azure's deployments and Perplexity."""
        with _translated():
            response = await self._client.get(f"{self.base_url}/models")
        _refuse_redirect(response)
        if response.status_code in _LISTS_NOTHING:
            return None
        if response.status_code != httpx.codes.OK:
            raise self._explained(error_for(response.status_code, error_message(response.text)))
        return served_models(response.content)

    def _explained(self, error: ServiceError) -> ServiceError:
        """The same error, with a hint if no key was sent: then LiteLLM fails with HTTP 500."""
        if not isinstance(error, EngineError) or "authorization" in self._client.headers:
            return error
        return EngineError(f"{error.message}; it may want a key: set LLM_API_KEY")

    @asynccontextmanager
    async def chat(self, body: dict[str, Any]) -> AsyncIterator[AsyncGenerator[str, None]]:
        """Request a chat completion. Gives the data of its events, or the whole body if it comes in one piece."""
        with _translated(), stage("chat.completions") as span:
            url, headers = f"{self.base_url}/chat/completions", http_headers(span)
            async with self._client.stream("POST", url, json=body, headers=headers) as response:
                _refuse_redirect(response)
                if response.status_code != httpx.codes.OK:
                    raise error_for(response.status_code, error_message(await _start_of(response)))
                if response.headers.get("content-type", "").startswith("text/html"):
                    raise EngineError(f"the model server failed: {NOT_OURS}")
                async with aclosing(_events(response)) as events:
                    yield events

    async def tokens(self, model: str, messages: Sequence[Message]) -> int:
        """How many tokens the messages have, by the server's own tokenizer; an upper bound if the server offers
        none."""
        content = "\n".join(message.content for message in messages)
        body = {"model": model, "content": content, "prompt": content}  # `content` is for llama.cpp, `prompt` for vLLM
        try:
            with _translated():
                response = await self._client.post(f"{self._root}/tokenize", json=body, timeout=CONNECT_TIMEOUT_S)
            found = len(_Tokens.model_validate_json(response.content).tokens)
        except (ServiceError, ValidationError):
            return most_tokens(messages)
        return found + MESSAGE_TOKENS * len(messages)

    async def adapters(self, kind: str) -> list[LoadedAdapter]:
        """The adapters that a llama.cpp has loaded; none if it is too old to say."""
        if kind != "llama.cpp":
            return []
        with _translated():
            response = await self._client.get(f"{self._root}/lora-adapters")
        if response.status_code in _LISTS_NOTHING:
            return []
        try:
            return _ADAPTERS.validate_json(response.content)
        except ValidationError:
            logger.warning("%s does not list its adapters (HTTP %d)", self.host, response.status_code)
            return []

    async def empty_slot(self, number: int) -> None:
        """Have llama.cpp forget what it has read in a slot, which it would otherwise keep in its prompt cache."""
        with _translated():
            await self._client.post(f"{self._root}/slots/{number}?action=erase")

    async def context_tokens(self, kind: str) -> int:
        """The context of each llama.cpp slot in tokens; 0 if the server doesn't say."""
        if kind != "llama.cpp":
            return 0
        try:
            with _translated():
                response = await self._client.get(f"{self._root}/props")
            return _Props.model_validate_json(response.content).default_generation_settings.n_ctx
        except (ServiceError, ValidationError):
            return 0

    async def answers(self, within_s: float) -> bool:
        """Whether the server answers a health request in time, whatever the answer is."""
        try:
            await self._client.get(f"{self._root}/health", timeout=within_s)
        except httpx.HTTPError:
            return False
        return True

    async def metrics(self) -> str:
        """The server's own Prometheus metrics, which vLLM and llama.cpp serve at /metrics."""
        with _translated():
            response = await self._client.get(f"{self._root}/metrics", timeout=CONNECT_TIMEOUT_S)
        if response.status_code != httpx.codes.OK:
            raise UnavailableError(f"the model server has no metrics (HTTP {response.status_code})")
        return response.text


async def _name_for_tls(request: httpx.Request) -> None:
    """Remove the final dot from the name for TLS. The dot keeps Kubernetes from adding its search domains to the name,
    but a certificate never contains it (RFC 6066)."""
    if request.url.host.endswith("."):
        request.extensions["sni_hostname"] = request.url.host.rstrip(".")


@contextmanager
def _translated() -> Iterator[None]:
    """Turn errors of httpx and of the parser into ours. Their texts may quote the stream, so they are not chained."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise UnavailableError(why_unreachable(error)) from None
    except httpx.TimeoutException:
        raise DeadlineError("the model server sent nothing for LLM_REQUEST_TIMEOUT_S; try again") from None
    except (httpx.NetworkError, httpx.RemoteProtocolError):
        raise EngineError("the connection to the model server broke in the middle of a reply; try again") from None
    except (httpx.HTTPError, httpx.InvalidURL, SseError):
        raise EngineError(f"the model server failed: {NOT_OURS}") from None


def _certificates(base_url: str, *, trust_env: bool) -> ssl.SSLContext | bool:
    """How the server's certificate is checked: with the authorities of SSL_CERT_FILE and SSL_CERT_DIR, if `trust_env`.

    Loading the authorities takes 40 ms, so they are loaded only for https. No request can go from http to https,
    because redirects are refused.
    """
    return base_url.lower().startswith("https:") and httpx.create_ssl_context(trust_env=trust_env)


def _refuse_redirect(response: httpx.Response) -> None:
    """Raises UnavailableError for a redirect. It is not followed, because another server would get the key and the
    conversation."""
    if response.has_redirect_location:
        target = response.url.join(response.headers["location"]).copy_with(query=None, userinfo=b"")
        raise UnavailableError(
            f"the model server redirects {response.url.path} to {target}; set LLM_BASE_URL to that server's address",
            retryable=False,
        )


async def _events(response: httpx.Response) -> AsyncGenerator[str, None]:
    """The data of the events, or the whole body if the server answers in one piece despite `stream`."""
    if response.headers.get("content-type", "").startswith("application/json"):
        yield await _start_of(response)
        yield END
        return
    parser = SseParser()
    async for chunk in response.aiter_bytes():
        for data in parser.feed(chunk):
            yield data
    for data in parser.feed(b"\n\n"):  # some servers leave out the last empty line
        yield data


async def _start_of(response: httpx.Response) -> str:
    """The first MAX_ERROR_BYTES of a body, which may be of any size."""
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= MAX_ERROR_BYTES:
            break
    return body[:MAX_ERROR_BYTES].decode("utf-8", errors="replace")
