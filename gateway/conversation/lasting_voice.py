"""Computes when a learner's voice has lasted long enough to interrupt the partner. Pure; positions are samples."""

from __future__ import annotations


class LastingVoice:
    """Follows the voice of one turn after the other.

    enough: how long a voice must last. longest_gap: a gap of at most this length is not counted as voice, but does not
    restart the count. Speech has such gaps between words, and removing a loud echo makes more of them.
    due: the position at which the voice will have lasted long enough; None while there is no voice, or once `tell` has
    returned True.
    """

    def __init__(self, enough: int, longest_gap: int) -> None:
        self.due: int | None = None
        self._enough = enough
        self._longest_gap = longest_gap
        self._paused: tuple[int, int] | None = None  # where a voice paused, and how much of it was still missing

    def begin(self, start: int) -> None:
        """A voice begins, or goes on after the turn seemed to be over."""
        self.due, self._paused = start + self._enough, None

    def pause(self, end: int) -> None:
        """The voice has paused at `end`."""
        self._paused = None if self.due is None else (end, self.due - end)
        self.due = None

    def go_on(self, start: int) -> None:
        """The voice goes on after a pause."""
        if self._paused and start - self._paused[0] <= self._longest_gap:
            self.due, self._paused = start + self._paused[1], None
        else:
            self.begin(start)

    def end(self) -> None:
        """The voice is over: the next one counts from its own start."""
        self.due = self._paused = None

    def tell(self, position: int) -> bool:
        """Whether the voice has lasted long enough at `position`. True only once for each voice."""
        if self.due is None or position < self.due:
            return False
        self.due = None
        return True
