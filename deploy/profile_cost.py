"""What a profile costs on this machine. It is printed before the profile's models are downloaded.

The download and the memory come from docs/performance.md. The time to the first sound is estimated from the speed of
the bundled models on this machine, because the profile's own models are not there yet.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deploy.machine_speed import MachineSpeed, machine_speed

_CLAUSE_TOKENS = 12  # after this many tokens the voice begins to speak
_CLAUSE_S = 2.0  # seconds of speech in such a clause, and in the part of the turn that is decoded after the turn's end
COMFORTABLE_S = 2.0
"""The longest time to the first sound with which a conversation is comfortable."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of one profile.

    download_gb: the size of all models. memory_gb: the memory of all processes once loaded. recognition, speech: how
    many times as long as the bundled models these models take. writing: the speed of the language model as a share of
    the bundled one's. cores: how many a comfortable conversation needs on most machines.
    """

    download_gb: float
    memory_gb: float
    recognition: float
    speech: float
    writing: float
    cores: int

    def here(self, bundled: MachineSpeed) -> MachineSpeed:
        """The estimated speed of the profile's models. bundled: the measured speed of the bundled ones."""
        return MachineSpeed(
            self.recognition * bundled.recognition, self.speech * bundled.speech, self.writing * bundled.tokens_per_s
        )

    def told(self, profile: str, bundled: MachineSpeed | None, *, cores: int, memory_gb: float) -> str:
        """A few lines for people. bundled: the measured speed of the bundled models; None: it could not be measured.
        cores, memory_gb: of this machine."""
        short = "" if memory_gb > self.memory_gb else f": not enough, as this machine has {memory_gb:.1f} GB"
        first = (
            f"PROFILE={profile}: downloads {self.download_gb:g} GB, takes about {self.memory_gb:g} GB of memory{short}."
        )
        return f"{first}\n{self._speed(bundled, cores)}"

    def _speed(self, bundled: MachineSpeed | None, cores: int) -> str:
        if bundled is None:
            return (
                f"The speed of this machine could not be measured. It has {cores} cores; a conversation needs"
                f" {self.cores} or more on most machines."
            )
        speed = self.here(bundled)
        wait = first_sound_s(speed)
        verdict = (
            "That should do for a conversation."
            if wait <= COMFORTABLE_S
            else "That is a long pause before each reply. `python -m deploy.plan --language es` (or another language)"
            " says which voice suits this machine better."
        )
        return (
            "By the speed of the bundled models on this machine, a second of speech will take"
            f" {speed.recognition:.2f} s to recognise and {speed.speech:.2f} s to speak, and the language model will"
            f" write {speed.tokens_per_s:.0f} tokens a second. So the first sound comes about {wait:.1f} s after the"
            f" learner's. {verdict}"
        )


def first_sound_s(speed: MachineSpeed) -> float:
    """Seconds from the end of a turn to the first sound, computed for a first clause of 2 s."""
    return _CLAUSE_TOKENS / speed.tokens_per_s + _CLAUSE_S * speed.speech + _CLAUSE_S * speed.recognition


COSTS: Mapping[str, Cost] = {
    "languages": Cost(download_gb=1.4, memory_gb=3.6, recognition=2.1, speech=5.8, writing=0.15, cores=6)
}
"""By the profile's name. The sizes of other profiles are in docs/models.md."""


def cost_of(
    environment: Mapping[str, str], measure: Callable[[Mapping[str, str]], MachineSpeed | None] = machine_speed
) -> str:
    """The text about the cost of these settings, to be printed before a start; empty if nothing is known.

    measure: takes some seconds.
    """
    profile = environment.get("PROFILE", "")
    if profile not in COSTS:
        return ""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    cores = len(os.sched_getaffinity(0))
    return COSTS[profile].told(profile, measure(environment), cores=cores, memory_gb=memory_gb)
