"""Turns whose ends a client decides: the words between two cuts of the audio are one turn."""

from __future__ import annotations

from common.errors import ServiceError
from gateway.ports import AsrEvent, EndOfTurn, Transcript


class CutTurn:
    """Collects the transcripts since the last cut. failure: why part of the audio could not be recognised; None if
    all of it was."""

    def __init__(self) -> None:
        self._parts: list[Transcript] = []
        self.failure: ServiceError | None = None

    def on_heard(self, said: AsrEvent) -> None:
        """Note an event of recognition."""
        if isinstance(said, EndOfTurn) and said.transcript.text:
            self._parts.append(said.transcript)

    def take(self) -> Transcript | None:
        """Take the words since the last cut, and begin a new turn. None: there are no words."""
        parts, self._parts, self.failure = self._parts, [], None
        if not parts:
            return None
        return Transcript(
            text=" ".join(part.text for part in parts),
            words=tuple(word for part in parts for word in part.words),
            start_sample=parts[0].start_sample,
            end_sample=parts[-1].end_sample,
        )
