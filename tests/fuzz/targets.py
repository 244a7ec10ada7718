"""The code to which `make fuzz` gives random bytes: everything that reads bytes from a client, a language model or a
model server.

A target takes any bytes. It raises nothing if the code accepts them or refuses them with an error for the sender.
Anything else is a fault: another exception, a failed assertion, or a hang, which libFuzzer's time-out finds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from aitalk.asr.v1 import asr_pb2
from aitalk.llm.v1 import llm_pb2
from aitalk.tts.v1 import tts_pb2
from google.protobuf.message import DecodeError, Message

from asr_service.audio import check_rate
from asr_service.turn_taking.endpointing import Endpointing
from common.errors import ServiceError
from common.speech import LONGEST_SILENCE_MS
from gateway.audio import AudioError
from gateway.audio.adts import decode_adts
from gateway.audio.container import decode_mp4, decode_ogg, decode_webm
from gateway.audio.expansion_limit import FLAC_MAX_S_PER_KIB, FREE_S, MAX_S_PER_KIB
from gateway.audio.flac import decode_flac
from gateway.audio.sniff import sniff
from gateway.audio.types import StreamDecoder, StreamKind
from gateway.audio.wav import decode_wav
from gateway.protocol import CLIENT_MESSAGE, read_client_message
from gateway.realtime.client_events import BufferAppend, SessionUpdate, read_client_event
from gateway.realtime.errors import ClientError
from gateway.realtime.session_config import SessionConfig, updated
from llm_service.config import LlmSettings
from llm_service.openai_api.chat_completions import payload
from llm_service.openai_api.reply_reader import END, ReplyReader
from llm_service.openai_api.sse import SseError, SseParser
from llm_service.sampling import Sampling
from llm_service.service import to_generation_request
from tts_service.text.clauses import ClauseSplitter
from tts_service.text.normalise import normaliser_for

M = TypeVar("M", bound=Message)

RATE_HZ = 16_000
BYTES_PER_S = 2 * RATE_HZ
WAV_MAX_S_PER_KIB = 1024 / 4000  # for the smallest format that is accepted: 8 bits at 4 kHz
_CONTAINERS: Mapping[StreamKind, StreamDecoder] = {
    StreamKind.WEBM: decode_webm,
    StreamKind.OGG: decode_ogg,
    StreamKind.MP4: decode_mp4,
}
_FRAMINGS: Mapping[StreamKind, StreamDecoder] = {StreamKind.AAC: decode_adts, StreamKind.FLAC: decode_flac}
_S_PER_KIB = {StreamKind.FLAC: FLAC_MAX_S_PER_KIB, StreamKind.WAV: WAV_MAX_S_PER_KIB}
_LANGUAGES = ("en", "de", "es", "fr", "it", "pt", "ja")


class Bytes:
    """A ByteSource: the data in pieces of `size` bytes. split_off: what a decoder gave back for a new stream."""

    def __init__(self, data: bytes, size: int) -> None:
        self._pieces = _cut(data, size)
        self.split_off = b""

    def read(self) -> bytes:
        return next(self._pieces, b"")

    def split(self, kind: StreamKind, data: bytes) -> None:
        self.split_off = data


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def decoded_bytes(kind: StreamKind, decoder: StreamDecoder, data: bytes, size: int) -> int:
    """The number of bytes of PCM that a stream gives. Asserts that it is within the limit for the stream's size."""
    total, source = 0, Bytes(data, size)
    most = BYTES_PER_S * (FREE_S + _S_PER_KIB.get(kind, MAX_S_PER_KIB) * len(data) / 1024)
    try:
        for audio in decoder(source, RATE_HZ):
            total += len(audio.pcm)
            assert total <= most, f"{len(data)} bytes of {kind} gave more than {most:.0f} bytes of PCM"
    except AudioError:
        pass
    return total


def _decode(decoders: Mapping[StreamKind, StreamDecoder], data: bytes) -> None:
    """Decode the bytes in the format that their first bytes name. The last byte decides how the others are cut."""
    if not data:
        return
    size, data = (7, 64, 1024, 1 << 20)[data[-1] % 4], data[:-1]
    try:
        kind = sniff(data)
    except AudioError:
        return
    if kind is not None and kind in decoders:
        decoded_bytes(kind, decoders[kind], data, size)


def containers(data: bytes) -> None:
    """WebM, Ogg and MP4 from a microphone."""
    _decode(_CONTAINERS, data)


def framings(data: bytes) -> None:
    """AAC in ADTS, and FLAC."""
    _decode(_FRAMINGS, data)


def wav(data: bytes) -> None:
    """WAV from a microphone."""
    _decode({StreamKind.WAV: decode_wav}, data)


def messages(data: bytes) -> None:
    """A text frame of our WebSocket. An accepted message stays the same when it is written and read again."""
    try:
        message = read_client_message(data)
    except ServiceError:
        return
    assert CLIENT_MESSAGE.validate_json(message.model_dump_json()) == message


def realtime(data: bytes) -> None:
    """A text frame of the Realtime API, and the settings in it."""
    try:
        event = read_client_event(data.decode("utf-8", errors="replace"))
        if isinstance(event, SessionUpdate):
            updated(SessionConfig(), event.session)
        if isinstance(event, BufferAppend):
            event.data()
    except ClientError:
        pass


def server_events(data: bytes) -> None:
    """The stream of a model server. In whatever pieces it arrives, its events are the same."""
    whole, cut = _events(data, len(data) or 1), _events(data, 1 + (data[-1] % 16 if data else 0))
    assert whole == cut, "the events depend on how the bytes arrive"
    reader = ReplyReader()
    try:
        for event in whole or ():
            if event == END:
                reader.done()
            else:
                reader.read(event)
                reader.calls()
        reader.rest()
        reader.finish()
    except ServiceError:
        pass


def _events(data: bytes, size: int) -> list[str] | None:
    """The events in the data; None if the data is no stream of server-sent events."""
    parser = SseParser()
    try:
        return [event for piece in _cut(data, size) for event in parser.feed(piece)]
    except SseError:
        return None


def clauses(data: bytes) -> None:
    """A model's reply, split into clauses for synthesis. In whatever pieces the text arrives, the clauses are the same,
    and together they are the text."""
    if not data:
        return
    language, size = _LANGUAGES[data[0] % len(_LANGUAGES)], 1 + data[0] // len(_LANGUAGES)
    text = data[1:].decode("utf-8", errors="replace")
    whole, cut = _clauses(text, language, len(text) or 1), _clauses(text, language, size)
    assert whole == cut, "the clauses depend on how the text arrives"
    assert "".join(whole) == text
    for clause in whole:
        said = normaliser_for(language)(clause)
        assert len(said.text) == len(said.origins)
        assert all(0 <= origin < len(clause) for origin in said.origins)


def _clauses(text: str, language: str, size: int) -> list[str]:
    splitter = ClauseSplitter(language=language)
    found = [clause for at in range(0, len(text), size) for clause in splitter.push(text[at : at + size])]
    return [clause.text for clause in [*found, *splitter.finish()]]


def grpc_messages(data: bytes) -> None:
    """Messages to the gRPC services, which other programs may call. The first byte chooses the kind of message."""
    if not data:
        return
    kind, body = data[0] % 3, data[1:]
    try:
        if kind == 0:
            _read_asr(_parsed(asr_pb2.StreamingRecognizeRequest(), body))
        elif kind == 1:
            _read_llm(_parsed(llm_pb2.GenerateRequest(), body))
        else:
            _read_tts(_parsed(tts_pb2.StreamingSynthesizeRequest(), body))
    except (DecodeError, ServiceError):
        pass


def _parsed(message: M, body: bytes) -> M:
    message.ParseFromString(body)
    return message


def _read_asr(message: asr_pb2.StreamingRecognizeRequest) -> None:
    if message.HasField("config"):
        check_rate(message.config.sample_rate_hz)
    wanted = message.config.endpointing if message.HasField("config") else message.endpointing
    chosen = Endpointing().overridden(
        eager_silence_ms=wanted.eager_silence_ms,
        end_silence_ms=wanted.end_silence_ms,
        max_turn_ms=wanted.max_turn_ms,
        min_silence_ms=wanted.min_silence_ms,
        max_silence_ms=wanted.max_silence_ms,
        patience=wanted.patience,
        usual_pause_ms=wanted.usual_pause_ms,
    )
    waits_ms = [chosen.wait_ms(probability, chosen.usual_pause_ms) for probability in (0.0, 0.5, 1.0)]
    assert all(0 < wait_ms <= LONGEST_SILENCE_MS for wait_ms in waits_ms), waits_ms


def _read_llm(message: llm_pb2.GenerateRequest) -> None:
    request = to_generation_request(message, _LLM, Sampling())
    assert math.isfinite(request.temperature)
    payload("model", request)


def _read_tts(message: tts_pb2.StreamingSynthesizeRequest) -> None:
    normaliser_for(message.config.language)(message.text)


_LLM = LlmSettings(_env_file=None)

TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "containers": containers,
    "framings": framings,
    "wav": wav,
    "messages": messages,
    "realtime": realtime,
    "server_events": server_events,
    "clauses": clauses,
    "grpc_messages": grpc_messages,
}
