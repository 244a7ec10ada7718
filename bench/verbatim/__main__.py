"""`make bench-verbatim`: how many of a learner's mistakes reach the transcript, and whether correct sentences stay
correct.

200 sentences with one mistake each, and the same sentences without it, are spoken by up to seven voices. Recognition
writes them down, and the verbatim pass then compares the words with the sound. `--model` takes the same values as
ASR_MODEL_NAME.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter

from asr_service.audio import ENGINE_RATE_HZ
from asr_service.config import AsrSettings
from asr_service.engine import AsrEngine, DecodeOptions
from asr_service.engines import create_engine
from asr_service.verbatim.fillers import PROMPT, with_fillers
from asr_service.verbatim.phonemes import Phonemes
from asr_service.verbatim.rewriter import Rewriter
from bench.verbatim.fillers import filler_table
from bench.verbatim.report import Heard, has_mistake, is_made_wrong, table
from bench.verbatim.sentences import Pair, pairs
from bench.verbatim.speech import speech, voice_of


class Ears:
    """Recognition and the verbatim pass. seconds: CPU time of both, and the length of the audio."""

    def __init__(self, engine: AsrEngine, rewriter: Rewriter) -> None:
        self._engine = engine
        self._rewriter = rewriter
        self.seconds: Counter[str] = Counter()

    def hear(self, text: str, voice: str) -> tuple[str, str]:
        """The transcript of `text` from recognition, and the one from the verbatim pass."""
        audio = speech(text, voice)
        began = time.process_time()
        before = self._engine.transcribe(audio, DecodeOptions("en"))
        between = time.process_time()
        said = self._rewriter.rewrite(audio, before)
        prompted = self._engine.transcribe(audio, DecodeOptions("en", prompt=PROMPT))
        after = "".join(word.text for word in with_fillers(said.words, prompted.words)).strip()
        self.seconds["recognition"] += between - began  # type: ignore[assignment]
        self.seconds["verbatim pass"] += time.process_time() - between  # type: ignore[assignment]
        self.seconds["audio"] += len(audio) / ENGINE_RATE_HZ  # type: ignore[assignment]
        return before.text, after


def heard(ears: Ears, pair: Pair) -> Heard:
    """Both sentences of a pair, recognised."""
    voice = voice_of(pair)
    return Heard(pair, voice, *ears.hear(pair.said, voice), *ears.hear(pair.right, voice))


def _show(one: Heard) -> None:
    if not has_mistake(one.said_after, one.pair):
        print(
            f"not heard ({one.voice}): {one.pair.said}\n    recognition: {one.said_before}\n    pass: {one.said_after}"
        )
    if is_made_wrong(one.right_before, one.right_after, one.pair.right):
        print(f"made wrong ({one.voice}): {one.right_before}\n    pass: {one.right_after}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.verbatim", description=__doc__)
    parser.add_argument("--model", default="", help="Whisper model of recognition; empty: the bundled one")
    parser.add_argument("--show", action="store_true", help="print the failures of the tuned half")
    options = parser.parse_args()
    engine = create_engine(AsrSettings(_env_file=None, asr_model_name=options.model, asr_device="cpu"))
    engine.load()
    ears = Ears(engine, Rewriter(Phonemes()))
    found = [heard(ears, pair) for pair in pairs()]
    if options.show:
        for one in found:
            if one.pair.half == "tuned":
                _show(one)
    print(table(found))
    audio = ears.seconds["audio"]
    print(
        ", ".join(
            f"{name}: {ears.seconds[name] / audio:.2f} s of CPU time" for name in ("recognition", "verbatim pass")
        )
    )
    print("for a second of speech")
    print(filler_table(ears))


if __name__ == "__main__":
    main()
