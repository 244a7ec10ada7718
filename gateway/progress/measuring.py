"""Makes the entry of one conversation from its analysis, and finds the words that the learner used in its turns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway.analysis.document import Analysis, Goals
from gateway.analysis.fluency import spoken_words
from gateway.analysis.sentences import names_in
from gateway.analysis.vocabulary import KNOWN_FROM_ZIPF
from gateway.analysis.word_frequency import lexicon_of
from gateway.history import LearnerTurn, Turn
from gateway.ports.learner_record import ConversationProgress, Mistake, ScenarioOutcome
from gateway.progress.mistakes import kind_of

MAX_WORDS = 2000
"""`words_used` returns at most this many words."""
_LONGEST_WORD = 64


def entry_of(analysis: Analysis, ended_at: datetime) -> ConversationProgress:
    """The entry of a conversation, still without its new words."""
    about, fluency, grammar = analysis.conversation, analysis.fluency, analysis.grammar
    pauses, fillers = fluency.pauses, fluency.fillers
    return ConversationProgress(
        ended_at=ended_at,
        language=about.language,
        level=about.level,
        duration_s=about.duration_s,
        unit=analysis.vocabulary.unit,
        words=analysis.vocabulary.words,
        distinct_words=analysis.vocabulary.distinct_words,
        speaking_time_s=fluency.speaking_time_s,
        words_per_minute=fluency.words_per_minute,
        pauses_per_minute=pauses.per_minute if pauses else None,
        mean_pause_s=pauses.mean_s if pauses else None,
        fillers_per_100_words=fillers.per_100_words if fillers else None,
        mean_response_time_s=fluency.mean_response_time_s,
        cefr=analysis.cefr.estimate,
        words_checked=grammar.words_checked,
        corrections_per_100_words=grammar.corrections_per_100_words,
        mistakes=tuple(
            Mistake(
                kind=kind_of(one.original, one.corrected, about.language, one.sentence),
                original=one.original[:400],
                corrected=one.corrected[:400],
            )
            for one in grammar.corrections
        ),
        scenario=_outcome(analysis.goals) if analysis.goals else None,
    )


def _outcome(goals: Goals) -> ScenarioOutcome:
    done = sum(task.measured for task in goals.tasks)
    return ScenarioOutcome(id=goals.scenario, title=goals.title, tasks_done=done, tasks=len(goals.tasks))


def words_used(turns: Sequence[Turn], language: str) -> list[str]:
    """The distinct words that the learner used, in order, without names and numbers. Blocks while the language's
    list of words is loaded for the first time.

    If there is a list of words for the language, words that it lacks or that are very rare are left out: most of them
    are slips or misheard.
    """
    lexicon = lexicon_of(language)
    texts = [turn.text for turn in turns if isinstance(turn, LearnerTurn)]
    names = names_in(texts, language)
    words = dict.fromkeys(word for text in texts for word in spoken_words(text, lexicon))
    kept = [word for word in words if word not in names and len(word) <= _LONGEST_WORD and not _has_digit(word)]
    if lexicon.rarity_unknown_because is None:
        kept = [word for word in kept if lexicon.zipf(word) >= KNOWN_FROM_ZIPF]
    return kept[:MAX_WORDS]


def _has_digit(word: str) -> bool:
    return any(map(str.isdigit, word))
