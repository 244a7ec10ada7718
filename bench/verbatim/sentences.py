"""The sentences of `make bench-verbatim`: each once with a mistake that learners make, and once without it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Half = Literal["tuned", "held out"]
TABLE = Path(__file__).parent / "sentences.tsv"


@dataclass(frozen=True, slots=True)
class Pair:
    """said: the sentence with the mistake. right: without it. kind: the kind of mistake. half: only "tuned" may be used
    for tuning."""

    number: int
    kind: str
    said: str
    right: str
    half: Half


def pairs() -> list[Pair]:
    """All pairs, in the order of the table. Two of every four pairs are held out, so that each half has all voices."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [
        Pair(number, row["kind"], row["said"], row["right"], "held out" if number % 4 >= 2 else "tuned")
        for number, row in enumerate(rows)
    ]
