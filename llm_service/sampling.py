"""The sampling parameters for requests without their own: from the settings, or by the model's size."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from common.small_models import is_small
from llm_service.config import LlmSettings


@dataclass(frozen=True, slots=True)
class Sampling:
    """Parameters with the same names as in `GenerationRequest`."""

    temperature: float = 0.7
    top_p: float | None = None
    min_p: float = 0.05
    repetition_penalty: float = 1.05
    frequency_penalty: float = 0.3
    presence_penalty: float = 0.2
    dry_multiplier: float = 0.8


LARGE = Sampling()
SMALL = Sampling(temperature=0.4, min_p=0.1)
"""A small model writes sensible sentences only with a lower temperature and fewer candidate tokens."""


def default_sampling(settings: LlmSettings, parameters: int) -> Sampling:
    """The values for a request that does not give its own. parameters: how many the model has; 0: unknown."""
    by_size = SMALL if is_small(parameters) else LARGE
    given = {field.name: getattr(settings, f"llm_{field.name}") for field in fields(Sampling)}
    return replace(by_size, **{name: value for name, value in given.items() if value is not None})
