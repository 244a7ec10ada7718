"""`python -m bench.turn_taking`: measures how often a rule cuts a learner off, and its delay: our rule, Smart Turn
alone, and silence alone.

It runs faster than real time, in English on the bundled models. The settings were tuned on one half of the set; the
report is on the other half, unless `--half tuning` is given.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from asr_service.engines import create_engine
from asr_service.turn_taking.end_of_turn import IN_ROMANCE_LANGUAGES, WITH_TEXT_MODEL, WITHOUT_TEXT_MODEL
from asr_service.turn_taking.endpointing import Endpointing
from bench.turn_taking.detector import Heard, Networks, detect, smart_turn_alone
from bench.turn_taking.fit import fit
from bench.turn_taking.language_sentences import LANGUAGES
from bench.turn_taking.languages import make_in
from bench.turn_taking.many_voices import make_in_many_voices
from bench.turn_taking.scores import Score, is_cut, score
from bench.turn_taking.utterances import Utterance, make_more, make_set
from gateway.reply.partner import MANNERS
from tests.support.asr import asr_settings

PATIENCES = {
    "advanced": MANNERS["advanced"].patience,
    "intermediate (default)": MANNERS["intermediate"].patience,
    "beginner": MANNERS["beginner"].patience,
    "very patient": 2.0,
    "most patient": 3.0,
}
SILENCES_MS = (300, 500, 700, 1_000, 1_300)


def main() -> None:
    """Run what the arguments ask for, and write the results into the folder `--out`."""
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.language == ["en"]:
        _in_english(arguments)
    else:
        _in_other_languages(arguments)


def _in_english(arguments: argparse.Namespace) -> None:
    engine = create_engine(asr_settings())
    engine.load()
    networks = Networks(engine, arguments.out / "turn_taking_memory.json", remember=arguments.remember)
    made = make_in_many_voices(_models(), arguments.out / "speech") if arguments.many_voices else make_set()
    utterances = [u for u in made if u.tuning == (arguments.half == "tuning")][: arguments.limit]
    if arguments.fit:
        pauses = _pauses([*utterances, *make_more()], networks)
        for name, now in (("with the text model", WITH_TEXT_MODEL), ("without", WITHOUT_TEXT_MODEL)):
            print(name, fit(pauses, now))
    scores = measure(utterances, networks)
    networks.save()
    report = f"{_preface(arguments.half, utterances)}\n\n{table(scores)}\n\n{_by_kind(utterances, networks)}\n"
    print(report)
    (arguments.out / "turn_taking.md").write_text(report)
    rows = {name: found.as_row() for name, found in scores.items()}
    (arguments.out / "turn_taking.json").write_text(json.dumps({"half": arguments.half, "rows": rows}, indent=2))
    networks.save()


def _in_other_languages(arguments: argparse.Namespace) -> None:
    """Measure other languages, with the models of PROFILE=languages, which are in MODELS_CACHE_DIR. Writes one report
    for each language, such as `turn_taking_es.md`."""
    models = _models()
    engine = create_engine(asr_settings(asr_model_name="openai/whisper-base", models_cache_dir=models))
    engine.load()
    pauses = []
    for language in arguments.language:
        utterances = make_in(language, models, arguments.out / "speech")
        utterances = [u for u in utterances if u.tuning == (arguments.half == "tuning")][: arguments.limit]
        memory = arguments.out / f"turn_taking_memory_{language}.json"
        networks = Networks(engine, memory, remember=arguments.remember, language=language)
        if arguments.fit:
            pauses += _pauses(utterances, networks)
        scores = measure(utterances, networks)
        title = f"{language}: {_preface(arguments.half, utterances)}"
        report = f"{title}\n\n{table(scores)}\n\n{_by_kind(utterances, networks)}\n"
        print(report)
        (arguments.out / f"turn_taking_{language}.md").write_text(report)
        networks.save()
    if arguments.fit:
        print(fit(pauses, IN_ROMANCE_LANGUAGES))


def _models() -> Path:
    return Path(os.environ.get("MODELS_CACHE_DIR", "models")).absolute()


def _pauses(utterances: list[Utterance], networks: Networks) -> list[tuple[Utterance, Heard]]:
    """For each utterance, what is known about each of its pauses that is long enough to end a turn."""
    shortest = Endpointing().min_silence_ms  # a speaker who goes on sooner than this is never cut off
    everything = Endpointing(eager_silence_ms=shortest, min_silence_ms=2_000, max_silence_ms=2_100)
    return [(u, detect(u, networks, everything)) for u in utterances]


def measure(utterances: list[Utterance], networks: Networks) -> dict[str, Score]:
    """Score every rule on every utterance."""
    default = Endpointing()

    def ours(settings: Endpointing) -> Score:
        return score(utterances, lambda u: detect(u, networks, settings))

    scores = {
        f"AI-Talk, {level}: patience {patience}": ours(default.overridden(patience=patience))
        for level, patience in PATIENCES.items()
    }
    scores["smart turn alone (Pipecat's rule)"] = score(utterances, lambda u: smart_turn_alone(u, networks))
    for silence in SILENCES_MS:
        scores[f"silence alone: {silence} ms"] = ours(default.overridden(end_silence_ms=silence))
    return scores


def table(scores: dict[str, Score]) -> str:
    """A Markdown table with a row for each rule."""
    lines = [
        "| rule | cut, hesitations ≤ 1.0 s | cut, ≤ 1.5 s | delay, median | p95 | eager, median | in vain | split |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, s in scores.items():
        lines.append(
            f"| {name} | {_share(s.cut_1000, s.of_1000)} | {_share(s.cut_1500, s.of_1500)} | {s.delay_median:.0f} ms "
            f"| {s.delay_p95:.0f} ms | {s.eager_median:.0f} ms | {100 * s.eager_wasted:.0f} % "
            f"| {_share(s.split, s.complete)} |"
        )
    return "\n".join(lines)


def _by_kind(utterances: list[Utterance], networks: Networks) -> str:
    lines = ["| kind | utterances | cut by the default |", "| --- | --- | --- |"]
    heard: list[tuple[Utterance, Heard]] = [(u, detect(u, networks, Endpointing())) for u in utterances if u.pause]
    for kind in sorted({u.kind for u, _ in heard}):
        of_kind = [(u, found) for u, found in heard if u.kind == kind]
        lines.append(f"| {kind} | {len(of_kind)} | {sum(is_cut(u, found) for u, found in of_kind)} |")
    return "\n".join(lines)


def _preface(half: str, utterances: list[Utterance]) -> str:
    hesitant = sum(u.pause is not None for u in utterances)
    return (
        f"`python -m bench.turn_taking --half {half}`: the {half} half, {len(utterances)} utterances, {hesitant} "
        "of them with a hesitation. Time is counted in samples, without the networks' own time."
    )


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole} ({100 * part / max(1, whole):.1f} %)"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.turn_taking", description=__doc__)
    parser.add_argument("--half", choices=["tuning", "test"], default="test", help="which utterances (default: test)")
    parser.add_argument(
        "--language",
        nargs="+",
        choices=["en", *LANGUAGES],
        default=["en"],
        help="English, or others, which need `make models PROFILE=languages`",
    )
    parser.add_argument(
        "--many-voices",
        action="store_true",
        help="other English sentences, in Kokoro's 28 English voices; needs `make models PROFILE=languages`",
    )
    parser.add_argument(
        "--fit",
        action="store_true",
        help="fit the weights of end_of_turn to this half (in English, also to further utterances), and print them",
    )
    parser.add_argument(
        "--remember",
        action="store_true",
        help="store what the networks say, so that runs with other settings are faster",
    )
    parser.add_argument("--limit", type=int, default=None, help="only this many utterances, the first ones")
    parser.add_argument("--out", type=Path, default=Path("build/bench"), help="folder of the results")
    arguments = parser.parse_args()
    if len(arguments.language) > 1 and "en" in arguments.language:
        parser.error("measure English alone: it has models and weights of its own")
    return arguments


if __name__ == "__main__":
    main()
