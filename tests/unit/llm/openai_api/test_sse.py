"""Server-sent events: however the bytes are cut, the events are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_service.openai_api.sse import MAX_EVENT_BYTES, SseError, SseParser


def parse(*chunks: bytes) -> list[str]:
    parser = SseParser()
    return [data for chunk in chunks for data in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", ["a", "b"]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", ["a", "b", "c"]),
        (b"data: one\ndata: two\n\n", ["one\ntwo"]),
        (b"data:x\n\ndata:  y\n\n", ["x", " y"]),
        (b": ping\n\ndata: a\n: between\nid: 7\nevent: message\n\n", ["a"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"data\n\n", [""]),
        (b"data: never dispatched\n", []),
        ("data: naïve ☕\n\n".encode(), ["naïve ☕"]),
        (b"\n\n\n", []),
    ],
)
def test_follows_the_standard(stream: bytes, events: list[str]) -> None:
    assert parse(stream) == events


lines = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=12)
written = st.lists(
    st.tuples(
        st.lists(lines, min_size=1, max_size=3),  # the data lines of an event
        st.sampled_from(["\n", "\r", "\r\n"]),
        st.booleans(),  # whether a comment comes before it
    ),
    max_size=6,
)


@given(written, st.data())
def test_any_chunking_gives_the_same_events(events: list[tuple[list[str], str, bool]], data: st.DataObject) -> None:
    stream = b"".join(
        ((f": ping{end}" if comment else "") + "".join(f"data: {line}{end}" for line in event) + end).encode()
        for event, end, comment in events
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    chunks = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert parse(*chunks) == ["\n".join(event) for event, _, _ in events]


@given(st.lists(st.binary(max_size=30)))
def test_any_bytes_give_the_same_events_cut_or_whole(chunks: list[bytes]) -> None:
    assert parse(*chunks) == parse(b"".join(chunks))


def test_an_event_may_not_grow_without_end() -> None:
    parser = SseParser()
    assert list(parser.feed(b"x" * MAX_EVENT_BYTES)) == []
    with pytest.raises(SseError):
        list(parser.feed(b"x"))


def test_comments_may_go_on_for_ever() -> None:
    parser = SseParser()
    comment = b": " + b"x" * 1000 + b"\n"
    assert [list(parser.feed(comment)) for _ in range(MAX_EVENT_BYTES // 1000 + 2)][-1] == []
    assert list(parser.feed(b"data: a\n\n")) == ["a"]
