"""The figures of `make bench-verbatim`: how many mistakes reach the transcript, and what happens to correct
sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asr_service.verbatim.numbers import spelled_out
from bench.verbatim.sentences import Pair


@dataclass(frozen=True, slots=True)
class Heard:
    """The transcripts of a pair: `before` from recognition, `after` from the verbatim pass.

    said: the sentence with the mistake. right: the one without it.
    """

    pair: Pair
    voice: str
    said_before: str
    said_after: str
    right_before: str
    right_after: str


def words_of(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation. Numbers below 100, and 'm, 're, 've and 'll are written
    out."""
    plain = text.lower().replace("’", "'").replace("-", " ")
    for short, long in (("'m", " am"), ("'re", " are"), ("'ve", " have"), ("'ll", " will")):
        plain = re.sub(rf"{short}\b", long, plain)
    return [part for word in re.findall(r"[\w']+", plain) for part in (spelled_out(word) or word).split()]


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words have to be changed, added or left out to turn `one` into `other`."""
    row = list(range(len(other) + 1))
    for i, word in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, against in enumerate(other, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != against))
    return row[-1]


def has_mistake(text: str, pair: Pair) -> bool:
    """Whether the transcript is closer to the sentence with the mistake than to the one without it."""
    words = words_of(text)
    return distance(words, words_of(pair.said)) < distance(words, words_of(pair.right))


def is_made_wrong(before: str, after: str, right: str) -> bool:
    """Whether the verbatim pass has moved the transcript of a correct sentence away from that sentence."""
    return distance(words_of(after), words_of(right)) > distance(words_of(before), words_of(right))


def _share(what: Iterable[bool]) -> str:
    found = list(what)
    return f"{sum(found) / len(found):.1%}" if found else "–"


def _row(name: str, heard: Sequence[Heard]) -> str:
    cells = (
        str(len(heard)),
        _share(has_mistake(one.said_before, one.pair) for one in heard),
        _share(has_mistake(one.said_after, one.pair) for one in heard),
        _share(words_of(one.right_before) != words_of(one.pair.right) for one in heard),
        _share(words_of(one.right_after) != words_of(one.pair.right) for one in heard),
        _share(is_made_wrong(one.right_before, one.right_after, one.pair.right) for one in heard),
    )
    return f"| {name} | {' | '.join(cells)} |"


def table(heard: Sequence[Heard]) -> str:
    """The figures of all pairs, and of each half, kind and voice, as a Markdown table."""
    halves = {half: [one for one in heard if one.pair.half == half] for half in ("tuned", "held out")}
    kinds = {
        kind: [one for one in heard if one.pair.kind == kind] for kind in dict.fromkeys(h.pair.kind for h in heard)
    }
    voices = {voice: [one for one in heard if one.voice == voice] for voice in sorted({one.voice for one in heard})}
    rows = [_row(name, members) for name, members in {"all": heard, **halves, **kinds, **voices}.items()]
    names = (
        "sentences",
        "pairs",
        "mistakes heard by recognition",
        "with the verbatim pass",
        "right sentences not exact, recognition",
        "with the pass",
        "made wrong by the pass",
    )
    head = [f"| {' | '.join(names)} |", f"|{' --- |' * len(names)}"]
    return "\n".join([*head, *rows])
