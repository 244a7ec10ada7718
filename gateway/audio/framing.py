"""Follows the outer structure of containers, without decoding: where a stream ends, and whether it is complete.

If bytes make no sense, libav silently searches for the next structure that it understands: the learner would not be
heard, and would get no error. So each byte passes through here first. If the structure breaks, the stream is over and
the error is named. If a new header comes, because a client restarted its MediaRecorder, a new stream begins. At the end
of input, Framing knows whether the last element, page or box was cut off.

WebM    a sequence of elements: id, size, body. Segment and Cluster are entered, whatever size they claim (live WebM
        says "unknown"); the bodies of other known elements are passed on as they are. An unknown element counts as
        damage. https://www.rfc-editor.org/rfc/rfc8794
Ogg     a sequence of pages: 27 bytes, a table of segment lengths, the segments. https://www.rfc-editor.org/rfc/rfc3533
MP4     a sequence of boxes: size, type, body. `moov` describes the tracks, and must come before the sound (`mdat`),
        as in the fragmented files of MediaRecorder. https://www.w3.org/TR/mse-byte-stream-format-isobmff/
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator

MAX_ELEMENT_BYTES = 4 * 1024 * 1024  # a video block may be large, a block of Opus is under 64 KiB
MAX_FRAGMENT_BYTES = 64 * 1024 * 1024  # of an `mdat`: it is large if an MP4 comes only when the recording is complete

# An MP4 may claim this many samples more than it has had bytes so far: in its index, and in a fragment.
MAX_SAMPLES, MAX_FRAGMENT_SAMPLES = 3_000_000, 1_000_000

_EBML = 0x1A45DFA3
_TRACKS, _TRACK, _CONTENT_ENCODINGS = 0x1654AE6B, 0xAE, 0x6D80
_ENTERED = {0x18538067, 0x1F43B675}  # Segment, Cluster
_STEPPED_OVER = {
    _EBML,
    # SeekHead, Info, Tracks, Cues, Attachments, Chapters, Tags
    *(0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367),
    # in a Cluster: Timestamp, SimpleBlock, BlockGroup, PrevSize, Position, SilentTracks
    *(0xE7, 0xA3, 0xA0, 0xAB, 0xA7, 0x5854),
    *(0xEC, 0xBF),  # anywhere: Void, CRC-32
}


class Damaged(Exception):  # noqa: N818 - it is turned into an AudioError
    """The structure makes no sense here."""


class NewStream(Exception):  # noqa: N818 - it marks a place
    """Another stream begins here."""


class Framing(ABC):
    """Takes a stream's bytes, cut anywhere, and returns those that certainly belong to it.

    The header of an element, page or box is held back until it is complete. `rest`: the first bytes of a new stream,
    once one has begun. `damage`: why the structure broke, if it did. Once either is set, the stream is over.
    """

    def __init__(self) -> None:
        self.rest: bytes | None = None
        self.damage: str | None = None
        self._held = b""
        self._body_left = 0

    @property
    def over(self) -> bool:
        """Whether a new stream has begun or the structure has broken."""
        return self.rest is not None or self.damage is not None

    @property
    def whole(self) -> bool:
        """Whether the stream may end here."""
        return not self._held and not self._body_left

    def push(self, data: bytes) -> bytes:
        """Take more bytes; returns those that belong to the stream, perhaps with some that were held back."""
        data = self._held + data
        at = 0
        while at < len(data):
            if self._body_left:
                step = min(self._body_left, len(data) - at)
                try:
                    self._body(data[at : at + step])
                except Damaged as damage:
                    self.damage = str(damage)
                    break
                self._body_left -= step
                at += step
                continue
            try:
                unit = self._unit(data[at : at + self._max_header_bytes])
            except Damaged as damage:
                self.damage = str(damage)
                break
            except NewStream:
                self.rest = data[at:]
                break
            if unit is None:
                break
            header, self._body_left = unit
            at += header
        self._held = b"" if self.over else data[at:]
        return data[:at]

    def _body(self, part: bytes) -> None:  # noqa: B027 - most framings need nothing of it
        """Called with each part of a body, before it is passed on. May raise Damaged."""

    _max_header_bytes: int

    @abstractmethod
    def _unit(self, head: bytes) -> tuple[int, int] | None:
        """The sizes of header and body, in bytes, of the element, page or box that begins with `head`; None if the
        header is not complete."""


class WebmFraming(Framing):
    """WebM and Matroska: a sequence of elements."""

    _max_header_bytes = 12

    def __init__(self) -> None:
        super().__init__()
        self._begun = False
        self._tracks: bytearray | None = None  # the body of Tracks, while it arrives

    def _unit(self, head: bytes) -> tuple[int, int] | None:
        if self._tracks is not None and _is_encoded(self._tracks):
            raise Damaged("its track is compressed or encrypted (ContentEncodings)")
        id_bytes = _vint_bytes(head[0])
        if id_bytes > 4:
            raise Damaged("no WebM element begins where one should")
        if len(head) < id_bytes:
            return None
        element = int.from_bytes(head[:id_bytes], "big")
        if element not in _ENTERED and element not in _STEPPED_OVER:
            raise Damaged("an unknown WebM element stands where a block or cluster should")
        if element == _EBML and self._begun:
            raise NewStream
        if len(head) == id_bytes:
            return None
        size_bytes = _vint_bytes(head[id_bytes])
        if size_bytes > 8:
            raise Damaged("a WebM element has no valid size")
        if len(head) < id_bytes + size_bytes:
            return None
        self._begun = True
        self._tracks = bytearray() if element == _TRACKS else None
        if element in _ENTERED:
            return id_bytes + size_bytes, 0
        mask = (1 << 7 * size_bytes) - 1
        size = int.from_bytes(head[id_bytes : id_bytes + size_bytes], "big") & mask
        if size > MAX_ELEMENT_BYTES:
            raise Damaged(f"a WebM element claims more than {MAX_ELEMENT_BYTES} bytes")
        return id_bytes + size_bytes, size

    def _body(self, part: bytes) -> None:
        if self._tracks is not None:
            self._tracks += part


class OggFraming(Framing):
    """Ogg: a sequence of pages."""

    _max_header_bytes = 27 + 255

    def __init__(self) -> None:
        super().__init__()
        self._past_headers = False

    def _unit(self, head: bytes) -> tuple[int, int] | None:
        if not b"OggS\0".startswith(head[:5]):
            raise Damaged("no Ogg page begins where one should")
        if len(head) < 27:
            return None
        begins_stream = bool(head[5] & 2)
        if begins_stream and self._past_headers:
            raise NewStream
        header = 27 + head[26]
        if len(head) < header:
            return None
        self._past_headers = self._past_headers or not begins_stream
        return header, sum(head[27:header])


_BOXES = {
    *(b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"mfra", b"sidx", b"ssix", b"prft", b"emsg", b"pdin", b"meta"),
    *(b"free", b"skip", b"wide", b"udta", b"uuid"),
}


# These boxes may claim any number of samples. The claim stands so many bytes after the box's type: behind version and
# flags, and in stsz and stz2 also behind the size of a sample.
_COUNTING = re.compile(b"trun|stsz|stz2")
_BEFORE_COUNT = {b"trun": 4, b"stsz": 8, b"stz2": 8}
_LONGEST_COUNT = 16  # bytes from the type to the end of the count


class Mp4Framing(Framing):
    """Fragmented MP4, and MP4 whose index comes first: a sequence of boxes.

    libav makes an entry of its own for each sample that a box claims, before any sound comes: a box of 20 bytes could
    claim four thousand million. So the claims are added up.
    """

    _max_header_bytes = 16

    def __init__(self) -> None:
        super().__init__()
        self._begun = self._has_index = self._is_sound = False
        self._seen = b""  # the last bytes of this body, in which a count may have begun
        self._bytes = self._samples = 0

    def _unit(self, head: bytes) -> tuple[int, int] | None:
        if len(head) < 8:
            return None
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if kind not in _BOXES:
            raise Damaged("no MP4 box begins where one should")
        if kind == b"ftyp" and self._begun:
            raise NewStream
        if kind == b"mdat" and not self._has_index:
            raise Damaged("the sound comes before the index, which is at the end of the file; send fragmented MP4")
        header = 16 if size == 1 else 8
        if len(head) < header:
            return None
        if size == 1:
            size = int.from_bytes(head[8:16], "big")
        if not header <= size <= (MAX_FRAGMENT_BYTES if kind == b"mdat" else MAX_ELEMENT_BYTES):
            raise Damaged(f"an MP4 box claims {size} bytes")
        self._begun, self._has_index = True, self._has_index or kind == b"moov"
        self._is_sound, self._seen = kind == b"mdat", b""
        return header, size - header

    def _body(self, part: bytes) -> None:
        self._bytes += len(part)
        if self._is_sound:
            return
        data = self._seen + part
        for found in _COUNTING.finditer(data):
            at = found.end() + _BEFORE_COUNT[found[0]]
            if len(self._seen) < at + 4 <= len(data):  # it was not complete before, and is now
                most = MAX_FRAGMENT_SAMPLES if found[0] == b"trun" else MAX_SAMPLES
                self._count(int.from_bytes(data[at : at + 4], "big"), most)
        self._seen = data[1 - _LONGEST_COUNT :]

    def _count(self, samples: int, most: int) -> None:
        self._samples += samples
        if self._samples > most + self._bytes:
            raise Damaged(f"it claims {self._samples} samples, far more than it has bytes; send fragmented MP4")


def _is_encoded(tracks: bytes | bytearray) -> bool:
    """Whether one of these tracks is compressed or encrypted. If so, a few bytes could become any amount of sound."""
    return any(
        child == _CONTENT_ENCODINGS
        for element, body in _elements(tracks)
        if element == _TRACK
        for child, _ in _elements(body)
    )


def _elements(data: bytes | bytearray) -> Iterator[tuple[int, bytes]]:
    """(id, body) of the elements in an element's body, as far as they make sense."""
    at = 0
    while at < len(data):
        id_bytes = _vint_bytes(data[at])
        size_at = at + id_bytes
        if size_at >= len(data):
            return
        size_bytes = _vint_bytes(data[size_at])
        body_at = size_at + size_bytes
        size = int.from_bytes(data[size_at:body_at], "big") & ((1 << 7 * size_bytes) - 1)
        yield int.from_bytes(data[at:size_at], "big"), bytes(data[body_at : body_at + size])
        at = body_at + size


def _vint_bytes(first: int) -> int:
    """The length of the EBML number that begins with this byte: one more than the byte's leading zero bits. 9: no
    number begins with it."""
    return 9 - first.bit_length()
