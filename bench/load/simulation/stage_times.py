"""How long each model takes, and where each figure comes from: docs/capacity/stage-times.json."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

ROOT = Path(__file__).resolve().parents[3]
STAGE_TIMES = ROOT / "docs/capacity/stage-times.json"


@dataclass(frozen=True)
class Curve:
    """Seconds by batch size: linear between the known sizes, constant below the smallest, and extrapolated from the
    last two above the largest."""

    points: tuple[tuple[int, float], ...]

    @staticmethod
    def of(seconds_by_batch: Mapping[int, float]) -> Curve:
        """The curve through these points."""
        return Curve(tuple(sorted(seconds_by_batch.items())))

    def __call__(self, size: int) -> float:
        points = self.points
        if len(points) == 1 or size <= points[0][0]:
            return points[0][1]
        right = min(max(1, bisect_left(points, (size, 0.0))), len(points) - 1)
        (n0, s0), (n1, s1) = points[right - 1], points[right]
        return s0 + (s1 - s0) * (size - n0) / (n1 - n0)

    def scaled(self, factor: float) -> Curve:
        """The curve with all times multiplied by `factor`."""
        return Curve(tuple((size, seconds * factor) for size, seconds in self.points))


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Frozen):
    """kind: measured by us, published by others, or assumed. source: the command, who published it, or the reason.
    date, machine: of our measurement."""

    kind: Literal["measured", "published", "assumed"]
    source: str
    date: str = ""
    machine: str = ""


class Recognition(_Frozen):
    """seconds_by_batch: for a batch of decodes, each of a window of 10 s with 10 tokens. seconds_per_token: for each
    further token.

    spread: sigma of the logarithm of a decode's seconds. partial_factor: a partial's seconds as a share of a turn's.
    stops_partials: whether a running partial is stopped to make room for a turn; faster-whisper can't be stopped.
    """

    model: str
    seconds_by_batch: dict[int, float]
    seconds_per_token: float = 0.0
    partial_factor: float = 1.0
    spread: float = 0.0
    workers: int = 1
    max_batch: int = 8
    stops_partials: bool = False
    slots: int = 64
    sources: dict[str, Source] = {}


class Writing(_Frozen):
    """token_seconds_by_batch: for one token of each reply, by the number of replies written at once. prefill_s: for a
    prompt whose opening is cached, while nothing else is written. context_tokens: tokens of a prompt and its reply.
    kv_tokens: how many tokens fit into the cache."""

    model: str
    token_seconds_by_batch: dict[int, float]
    prefill_s: float
    slots: int = 64
    context_tokens: int = 800
    kv_tokens: int = 1_000_000
    sources: dict[str, Source] = {}


class Speaking(_Frozen):
    """seconds_by_batch: for one second of speech of each reply, by the number of replies spoken at once. first_audio_s:
    until the first sample, for a single reply. together: true: all replies are spoken at once and share the device;
    false: clause by clause, in order."""

    model: str
    seconds_by_batch: dict[int, float]
    first_audio_s: float
    together: bool = True
    workers: int = 1
    slots: int = 32
    sources: dict[str, Source] = {}


class Profile(_Frozen):
    """One kind of machine. overhead_s: the time that gateway and networks add. startup_s: from the request for a
    replica until the replica is ready."""

    machine: str
    asr: Recognition
    llm: Writing
    tts: Speaking
    overhead_s: float
    startup_s: float
    sources: dict[str, Source] = {}


class StageTimes(_Frozen):
    """The content of docs/capacity/stage-times.json."""

    profiles: dict[str, Profile]


def load_profile(name: str, path: Path = STAGE_TIMES) -> Profile:
    """Read a profile. Raises KeyError if it isn't in the file."""
    return StageTimes.model_validate_json(path.read_text()).profiles[name]
