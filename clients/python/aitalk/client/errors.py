"""The errors of this package. Each says what happened and what to do.

AiTalkError
├── ServerAwayError        no server answers at the address, or the server there is not AI-Talk
├── UnauthorizedError      the token is missing or wrong
├── BusyError              no seat or slot is free, or a limit is reached
├── RefusedError           the gateway or a service refused a request; `code` says why
├── ConversationOverError  the conversation can't go on here; `code` is the close code
├── ProtocolError          the gateway sent something that this client can't read
├── SoundError             no microphone, no speaker, or no sound library
└── MissingPackageError    an optional package is not installed
"""

from __future__ import annotations


class AiTalkError(Exception):
    """The root of this package's errors. Its text is meant for people."""


class ServerAwayError(AiTalkError):
    """No server answers at the address, or the server there is not AI-Talk."""

    @classmethod
    def at(cls, url: str, why: object) -> ServerAwayError:
        """No answer from `url`."""
        return cls(f"no answer from {url} ({why}). Is AI-Talk running there (`make run`), and is the address right?")


class UnauthorizedError(AiTalkError):
    """The token is missing or wrong."""

    @classmethod
    def at(cls, url: str, *, with_token: bool) -> UnauthorizedError:
        """`url` refused the token, or requires one."""
        if with_token:
            return cls(f"{url} does not accept this token. Ask its operator for a valid one (AUTH_TOKENS, or a JWT).")
        return cls(f"{url} requires a token. Pass one: `token=` in Python, `--token` or AITALK_TOKEN in the shell.")


class BusyError(AiTalkError):
    """No seat or slot is free, or a limit is reached. Try again later."""


class RefusedError(AiTalkError):
    """The gateway or a service refused a request. status: the HTTP status; 0 without HTTP. code: the error's code."""

    def __init__(self, message: str, *, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class ConversationOverError(AiTalkError):
    """This client can't go on with the conversation. code: the WebSocket's close code, 0 if there was none."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class ProtocolError(AiTalkError):
    """The gateway sent something that this client can't read."""


class SoundError(AiTalkError):
    """The microphone or the speaker can't be used."""


class MissingPackageError(AiTalkError):
    """An optional package is not installed."""

    @classmethod
    def of(cls, package: str, extra: str) -> MissingPackageError:
        """The error if `package` is missing. extra: the extra that installs it."""
        return cls(f"this needs the package {package}, which is not installed: pip install 'aitalk[{extra}]'")
