"""Client for AI-Talk: conversations (`Conversation`, `AsyncConversation`), speech and transcripts (`Gateway`,
`AsyncGateway`), and the gRPC services (`aitalk.client.services`)."""

from aitalk.client.blocking import Conversation
from aitalk.client.conversation import AsyncConversation
from aitalk.client.errors import (
    AiTalkError,
    BusyError,
    ConversationOverError,
    MissingPackageError,
    ProtocolError,
    RefusedError,
    ServerAwayError,
    SoundError,
    UnauthorizedError,
)
from aitalk.client.gateway import AsyncGateway, Gateway
from aitalk.client.options import AudioFormat, Options, SessionKey, Tool
from aitalk.client.playback import PlaybackBuffer

__all__ = [
    "AiTalkError",
    "AsyncConversation",
    "AsyncGateway",
    "AudioFormat",
    "BusyError",
    "Conversation",
    "ConversationOverError",
    "Gateway",
    "MissingPackageError",
    "Options",
    "PlaybackBuffer",
    "ProtocolError",
    "RefusedError",
    "ServerAwayError",
    "SessionKey",
    "SoundError",
    "Tool",
    "UnauthorizedError",
]
