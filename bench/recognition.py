"""`python -m bench.recognition`: how many learners one recognition model can serve, with and without batches.

Learners talk at the pace of a conversation: an utterance with a caption every 0.6 s, as in the service, a last decode
at the end of the turn, then a time of listening. The bench measures the wait for that last decode. The decodes use the
service's own Decoder and engine, so queue, urgency and batches are the real ones. Voice detection and the network are
not included. `--model` and `--device` are like ASR_MODEL_NAME and ASR_DEVICE. A model of random weights will do, too:
it writes nonsense, and takes at least as long as a real one, because its text ends only at the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from asr_service.audio import ENGINE_RATE_HZ, Audio, pcm_to_float
from asr_service.config import AsrSettings
from asr_service.engine import DecodeOptions, Request, transcribe_all
from asr_service.engines import create_engine
from asr_service.recognition.decoder import Decoder

CAPTION_EVERY_S = 0.6
LISTENING_S = (4.0, 10.0)
BATCHES = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Waits:
    """Seconds from the end of a turn to its transcript."""

    learners: int
    seconds: tuple[float, ...]

    @property
    def p50(self) -> float:
        """The median, in seconds."""
        return float(np.percentile(self.seconds, 50))

    @property
    def p95(self) -> float:
        """The 95th percentile, in seconds."""
        return float(np.percentile(self.seconds, 95))


def read_utterances(folder: Path | None) -> list[Audio]:
    """The 16 kHz WAV files in `folder`; None: sentences that the bundled voice speaks."""
    if folder is None:
        from tests.support.asr import LEARNER_LINES, spoken  # it needs Piper, which may be missing on a GPU machine

        return [pcm_to_float(spoken(line).tobytes()) for line in LEARNER_LINES]
    utterances = []
    for path in sorted(folder.glob("*.wav")):
        with wave.open(str(path)) as recording:
            assert recording.getframerate() == ENGINE_RATE_HZ, path
            utterances.append(pcm_to_float(recording.readframes(recording.getnframes())))
    return utterances


async def learner(decoder: Decoder, utterances: Sequence[Audio], until: float, chance: random.Random) -> list[float]:
    """The waits of one learner, in seconds."""
    waits = []
    await asyncio.sleep(chance.uniform(0, LISTENING_S[1]))  # so that they don't all begin at once
    async with asyncio.TaskGroup() as captions:
        while time.monotonic() < until:
            audio = chance.choice(utterances)
            for end in np.arange(CAPTION_EVERY_S, len(audio) / ENGINE_RATE_HZ, CAPTION_EVERY_S):
                await asyncio.sleep(CAPTION_EVERY_S)
                if decoder.takes_partials:
                    captions.create_task(caption(decoder, audio[: int(end * ENGINE_RATE_HZ)]))
            asked = time.perf_counter()
            await decoder.decode(audio, language="en", quality="final")
            waits.append(time.perf_counter() - asked)
            await asyncio.sleep(chance.uniform(*LISTENING_S))
    return waits


async def caption(decoder: Decoder, audio: Audio) -> None:
    """Decode a caption. Recognition may drop it in favour of a turn."""
    await decoder.decode(audio, language="en", quality="partial")


async def crowd(decoder: Decoder, utterances: Sequence[Audio], learners: int, seconds: float) -> Waits:
    """The waits of `learners` learners who talk for `seconds`."""
    until = time.monotonic() + seconds
    chances = [random.Random(number) for number in range(learners)]
    async with asyncio.TaskGroup() as tasks:
        talking = [tasks.create_task(learner(decoder, utterances, until, chance)) for chance in chances]
    return Waits(learners, tuple(chain.from_iterable(task.result() for task in talking)))


def batch_table(settings: AsrSettings, utterances: Sequence[Audio]) -> list[str]:
    """How long a batch of each size takes, and how long the same decodes take one after the other."""
    engine = create_engine(settings)
    engine.load()
    rows = ["| utterances | as one batch | one by one | gain |", "| --- | --- | --- | --- |"]
    for size in BATCHES:
        requests: list[Request] = [(utterances[i % len(utterances)], DecodeOptions("en")) for i in range(size)]
        together = min(_timed(lambda: transcribe_all(engine, requests)) for _ in range(5))  # noqa: B023
        alone = min(_timed(lambda: [engine.transcribe(*one) for one in requests]) for _ in range(3))  # noqa: B023
        rows.append(f"| {size} | {together * 1000:.0f} ms | {alone * 1000:.0f} ms | {alone / together:.1f} × |")
    engine.close()
    return rows


async def crowd_table(
    settings: AsrSettings, utterances: Sequence[Audio], crowds: Sequence[int], seconds: float
) -> list[str]:
    """The waits with an increasing number of learners, without and with batches."""
    rows = ["| learners | batches of | median wait | p95 | turns |", "| --- | --- | --- | --- | --- |"]
    for batch in (1, 8):
        decoder = Decoder(create_engine(settings), settings.asr_threads, batch)
        await decoder.load()
        await decoder.decode(utterances[0], language="en", quality="final")
        alone = None
        for count in crowds:
            waits = await crowd(decoder, utterances, count, seconds)
            alone = alone or waits.p95
            doubled = " (doubled)" if waits.p95 > 2 * alone else ""
            row = f"| {count} | {batch} | {waits.p50 * 1000:.0f} ms | {waits.p95 * 1000:.0f} ms{doubled}"
            rows.append(f"{row} | {len(waits.seconds)} |")
            if waits.p95 > 6 * alone:
                break
        await decoder.close()
    return rows


def _timed(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]
    return time.perf_counter() - began


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="")
    parser.add_argument("--device", default="")
    parser.add_argument("--audio", type=Path)
    parser.add_argument("--learners", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--seconds", type=float, default=30.0)
    options = parser.parse_args()
    settings = AsrSettings(_env_file=None, asr_model_name=options.model, asr_device=options.device)
    utterances = read_utterances(options.audio)
    length = sum(map(len, utterances)) / len(utterances) / ENGINE_RATE_HZ
    print(f"{options.model or 'bundled'} on {options.device or 'auto'}; utterances of {length:.1f} s on average")
    print("\n".join(batch_table(settings, utterances)), flush=True)
    print("\n".join(asyncio.run(crowd_table(settings, utterances, options.learners, options.seconds))), flush=True)


if __name__ == "__main__":
    main()
