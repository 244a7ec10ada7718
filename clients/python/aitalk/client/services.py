"""The three gRPC services without the gateway: `Services`, and `AsyncServices`. `pip install 'aitalk[services]'`.

`recognise`, `generate` and `synthesise` cover the usual calls. `asr`, `llm` and `tts` are the stubs, for everything
else: docs/services.md describes the order of their messages.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from aitalk.client.errors import AiTalkError, BusyError, MissingPackageError, RefusedError, ServerAwayError

try:
    import grpc
    from aitalk.asr.v1 import asr_pb2, asr_pb2_grpc
    from aitalk.llm.v1 import llm_pb2, llm_pb2_grpc
    from aitalk.tts.v1 import tts_pb2, tts_pb2_grpc
except ImportError as error:
    raise MissingPackageError.of("grpcio", "services") from error

if TYPE_CHECKING:
    from aitalk.asr.v1.asr_pb2_grpc import AsrServiceAsyncStub
    from aitalk.llm.v1.llm_pb2_grpc import LlmServiceAsyncStub
    from aitalk.tts.v1.tts_pb2_grpc import TtsServiceAsyncStub

ASR, LLM, TTS = "127.0.0.1:50051", "127.0.0.1:50052", "127.0.0.1:50053"
MAX_MESSAGE_BYTES = 64 * 2**20
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # A call fails after 25 s if the server hangs, or has disappeared without closing its connection.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),  # without this line the time-out is a minute, despite the line above
)
_ROLES: Mapping[str, llm_pb2.Role.ValueType] = {
    "system": llm_pb2.ROLE_SYSTEM,
    "user": llm_pb2.ROLE_USER,
    "assistant": llm_pb2.ROLE_ASSISTANT,
}
Messages = Iterable[tuple[str, str]]


class Services:
    """The services at these addresses (host:port). credentials: for TLS; without them the channels are not encrypted.

    `recognise`, `generate` and `synthesise` raise ServerAwayError, BusyError, RefusedError or another AiTalkError. The
    stubs raise gRPC's errors.
    """

    def __init__(
        self, asr: str = ASR, llm: str = LLM, tts: str = TTS, *, credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        self._channels = ExitStack()

        def channel(address: str) -> grpc.Channel:
            made = (
                grpc.secure_channel(address, credentials, _OPTIONS)
                if credentials
                else grpc.insecure_channel(address, _OPTIONS)
            )
            return self._channels.enter_context(made)

        self.asr = asr_pb2_grpc.AsrServiceStub(channel(asr))
        self.llm = llm_pb2_grpc.LlmServiceStub(channel(llm))
        self.tts = tts_pb2_grpc.TtsServiceStub(channel(tts))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the channels."""
        self._channels.close()

    def recognise(self, pcm: bytes, sample_rate_hz: int, language: str = "") -> asr_pb2.Transcript:
        """What is said in 16-bit mono PCM of 8 to 48 kHz."""
        with _errors():
            return self.asr.Recognize(_recording(pcm, sample_rate_hz, language)).transcript

    def generate(self, messages: Messages, **config: Any) -> Iterator[str]:
        """The language model's reply, piece by piece. messages: (role, text). A role is `system`, `user` or
        `assistant`. config: fields of `GenerationConfig`."""
        with _errors():
            for event in self.llm.StreamingGenerate(_question(messages, config)):
                yield event.delta

    def synthesise(self, text: str, sample_rate_hz: int = 24_000, voice: str = "") -> bytes:
        """The text read aloud: 16-bit mono PCM."""
        with _errors():
            return self.tts.Synthesize(_speech(text, sample_rate_hz, voice)).audio


class AsyncServices:
    """Like `Services`, for asyncio. Make it within the event loop that uses it."""

    def __init__(
        self, asr: str = ASR, llm: str = LLM, tts: str = TTS, *, credentials: grpc.ChannelCredentials | None = None
    ) -> None:
        self._channels = [
            grpc.aio.secure_channel(address, credentials, _OPTIONS)
            if credentials
            else grpc.aio.insecure_channel(address, _OPTIONS)
            for address in (asr, llm, tts)
        ]
        self.asr: AsrServiceAsyncStub = asr_pb2_grpc.AsrServiceStub(self._channels[0])
        self.llm: LlmServiceAsyncStub = llm_pb2_grpc.LlmServiceStub(self._channels[1])
        self.tts: TtsServiceAsyncStub = tts_pb2_grpc.TtsServiceStub(self._channels[2])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the channels."""
        for channel in self._channels:
            await channel.close()

    async def recognise(self, pcm: bytes, sample_rate_hz: int, language: str = "") -> asr_pb2.Transcript:
        """What is said in 16-bit mono PCM of 8 to 48 kHz."""
        with _errors():
            return (await self.asr.Recognize(_recording(pcm, sample_rate_hz, language))).transcript

    async def generate(self, messages: Messages, **config: Any) -> AsyncIterator[str]:
        """The language model's reply, piece by piece."""
        with _errors():
            async for event in self.llm.StreamingGenerate(_question(messages, config)):
                yield event.delta

    async def synthesise(self, text: str, sample_rate_hz: int = 24_000, voice: str = "") -> bytes:
        """The text read aloud: 16-bit mono PCM."""
        with _errors():
            return (await self.tts.Synthesize(_speech(text, sample_rate_hz, voice))).audio


def _recording(pcm: bytes, sample_rate_hz: int, language: str) -> asr_pb2.RecognizeRequest:
    return asr_pb2.RecognizeRequest(audio=pcm, sample_rate_hz=sample_rate_hz, language=language)


def _question(messages: Messages, config: Mapping[str, Any]) -> llm_pb2.StreamingGenerateRequest:
    return llm_pb2.StreamingGenerateRequest(
        messages=[llm_pb2.ChatMessage(role=_ROLES[role], content=content) for role, content in messages],
        config=llm_pb2.GenerationConfig(**config),
    )


def _speech(text: str, sample_rate_hz: int, voice: str) -> tts_pb2.SynthesizeRequest:
    config = tts_pb2.SynthesisConfig(sample_rate_hz=sample_rate_hz, voice=voice)
    return tts_pb2.SynthesizeRequest(text=text, config=config)


@contextmanager
def _errors() -> Iterator[None]:
    """Turns gRPC's errors into errors of this package."""
    try:
        yield
    except grpc.RpcError as error:
        raise _error(error) from error


def _error(error: Any) -> AiTalkError:
    code, details = error.code(), error.details() or "no details"
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            return ServerAwayError(f"the service is away or still loading ({details}). Try again when it is ready.")
        case grpc.StatusCode.RESOURCE_EXHAUSTED:
            return BusyError(f"the service has no free slot ({details}). Try again in a moment.")
        case _:
            return RefusedError(details, code=code.name)
