"""What a profile costs. It is printed before the profile's models are downloaded.

The figures come from docs/performance.md. Of this machine, the text takes only the number of cores into account.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

_CLAUSE_TOKENS = 12  # after this many tokens the voice begins to speak
_CLAUSE_S = 2.0  # seconds of speech in such a clause, and in the part of the turn that is decoded after the turn's end


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one profile on a machine with two slow cores.

    download_gb: the size of all models. memory_gb: the memory of all processes once loaded. recognition, speech:
    seconds of CPU time to recognise or to speak one second of speech. tokens_per_s: the speed at which the language
    model writes. cores: how many a comfortable conversation needs.
    """

    download_gb: float
    memory_gb: float
    recognition: float
    speech: float
    tokens_per_s: float
    cores: int

    @property
    def first_sound_s(self) -> float:
        """Seconds from the end of a turn to the first sound, computed for a first clause of 2 s."""
        return _CLAUSE_TOKENS / self.tokens_per_s + _CLAUSE_S * self.speech + _CLAUSE_S * self.recognition

    def told(self, profile: str, cores: int) -> str:
        """A few lines for people. cores: the number of this machine's cores."""
        verdict = (
            "that should do for a conversation"
            if cores >= self.cores
            else f"a conversation needs {self.cores}, so expect long pauses before each reply"
        )
        return (
            f"PROFILE={profile}: downloads {self.download_gb:g} GB, takes about {self.memory_gb:g} GB of memory.\n"
            f"On two slow cores, a second of speech takes {self.recognition:g} s of CPU to recognise and"
            f" {self.speech:g} s to speak, and the language model writes {self.tokens_per_s:g} tokens a second, so that"
            f" the first sound comes after some {self.first_sound_s:.0f} s.\n"
            f"This machine has {cores} cores: {verdict}. `python -m deploy.plan` times the language model on it."
        )


COSTS: Mapping[str, Cost] = {
    "languages": Cost(download_gb=1.4, memory_gb=3.6, recognition=0.85, speech=0.9, tokens_per_s=2, cores=6)
}
"""By the profile's name. The sizes of other profiles are in docs/models.md."""


def cost_of(environment: Mapping[str, str]) -> str:
    """The text about the cost of these settings, to be printed before a start; empty if nothing is known."""
    profile = environment.get("PROFILE", "")
    return COSTS[profile].told(profile, len(os.sched_getaffinity(0))) if profile in COSTS else ""
