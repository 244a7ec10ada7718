"""Which parts of a text are spoken, and where they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_service.text.clauses import has_words
from tts_service.text.speakable import speakable


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Bold** and _soft_ and `code` ~~gone~~", "Bold and soft and code gone"),
        ("## A title\n", "A title"),
        ("- milk", "milk"),
        ("* milk", "milk"),
        ("snake_case __init__", "snake_case init"),
        ("See [the page](https://x.com/a_b) now", "See the page now"),
        ("Look at https://x.com/a?b=c. Good", "Look at . Good"),
        ("<b>Hi</b> there", "Hi there"),
        ("Nice 😀👍🏽 work 👨‍👩‍👧!", "Nice work !"),
        ("It is 20°C → warm", "It is 20°C warm"),
        ("Dr. Smith met mrs. Hill", "Dr Smith met mrs Hill"),
        ("Well... okay… then", "Well, okay, then"),
        ("Hmm...", "Hmm."),
        ("3*4 or 3 × 4", "3 × 4 or 3 × 4"),
        ("5 - 3 and 5 – 3", "5 - 3 and 5 – 3"),
        ("#1 of #topics, ~5", "#1 of topics, ~5"),
        ("yes - no", "yes, no"),
        ("soft\u00adhyphen\x00 \t\n end", "softhyphen end"),
        ("[[x]] {y} |z|", "x y z"),
        ("你好！", "你好！"),
    ],
)
def test_what_is_said(written: str, said: str) -> None:
    assert speakable(written).text == said


@pytest.mark.parametrize("written", ["", " ", "😀", "**", "...", "—", "https://x.com/page", "?!"])
def test_nothing_to_say(written: str) -> None:
    assert not speakable(written)


@given(st.text(alphabet=st.one_of(st.sampled_from("ab12 *_.…-#[]()<>/|\n😀°→"), st.characters(codec="utf-8"))))
def test_every_sound_comes_from_its_place(written: str) -> None:
    said = speakable(written)
    assert len(said.text) == len(said.origins)
    assert list(said.origins) == sorted(said.origins)
    assert all(0 <= place < len(written) for place in said.origins)
    assert "  " not in said.text
    assert said.text == said.text.strip()
    # Espeak reads [[…]] as phonemes, and a NUL ends its string.
    assert not set("[]*`\0") & set(said.text)


@given(st.text(alphabet="abc 12,.!?"))
def test_plain_text_is_said_as_it_is(written: str) -> None:
    plain = written.replace("..", "")
    if ".." not in plain:
        assert speakable(plain).text == " ".join(plain.split())
        assert bool(speakable(plain)) == has_words(plain)
