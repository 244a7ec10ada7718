"""Finds settings that nobody reads. Otherwise a misspelt name would have no effect and cause no warning. Pure.

Names in `.env` (and on the command line of `make`) are meant for us, so each must be known. The environment contains
variables of many programs, so only names with our prefixes, or very close to a setting's name, are checked there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from common.setting_names import SETTING_NAMES

_PREFIXES = ("ADMISSION_", "ASR_", "AUTH_", "CLIENT_", "GATEWAY_", "GRPC_TLS_", "JWT_", "LLM_", "TTS_", "VALKEY_")
_SHORT_NAME = 8  # shorter names of other programs are often similar to ours: PORTS, HOSTS

# Names that our libraries and tools read, and those that compose and make read.
_FOREIGN = re.compile(
    r"(COMPOSE|COQUI|CT2|CUDA|DOCKER|GF|GRPC|HF|HUGGINGFACE|LC|LD|LLAMA|MALLOC|MKL|NCCL|NVIDIA|OMP|ONNX|OPENBLAS|ORT|OTEL"
    r"|PIP|PYTHON|TOKENIZERS|TORCH|TRANSFORMERS|UV|UVICORN|VLLM|XDG)_\w+"
    r"|(ALL|FTP|HTTPS?|NO)_PROXY|PYTHON\w*|FORWARDED_ALLOW_IPS|WEB_CONCURRENCY|PATH|HOME|USER|LANG|TZ|TMPDIR|SHELL|TERM"
    r"|ARGS|VENV"
)
_SERVICE_LINK = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT\w*|PORT_\d+_(TCP|UDP)\w*)")  # set by Kubernetes
_PROTECTION = re.compile(r"AUTH|(?<!MAX_)TOKEN|SECRET|JWT|TLS|PASSWORD|API_?KEY|CORS|ORIGIN|METRICS_T|^ENVIRONMENT$")


@dataclass(frozen=True, slots=True)
class UnknownSetting:
    """A name that is not a setting. source: where it was found. nearest: the setting that was probably meant, or
    empty."""

    name: str
    source: str
    nearest: str = ""

    @property
    def looks_like_protection(self) -> bool:
        """Whether somebody may rely on this setting for protection."""
        return any(_PROTECTION.search(name) for name in (self.name, self.nearest))

    def __str__(self) -> str:
        meant = f"; did you mean {self.nearest}?" if self.nearest else "; see docs/settings.md"
        harm = " It protects nothing." if self.looks_like_protection else ""
        return f"{self.source} has {self.name}, which is not a setting{meant}{harm}"


def unknown_settings(environment: Collection[str], meant_for_us: Mapping[str, Collection[str]]) -> list[UnknownSetting]:
    """The names that are not settings.

    environment: names of all environment variables. meant_for_us: another source of names (".env") → its names.
    """
    found: dict[str, UnknownSetting] = {}
    for source, names in {**meant_for_us, "the environment": environment}.items():
        for name in names:
            upper = name.upper()
            if upper in SETTING_NAMES or _FOREIGN.fullmatch(upper) or _SERVICE_LINK.fullmatch(upper):
                continue
            is_ours = source in meant_for_us or upper.startswith(_PREFIXES)
            nearest = _nearest(upper, cutoff=0.75 if is_ours else 0.9)
            if is_ours or (nearest and len(upper) >= _SHORT_NAME):
                found.setdefault(upper, UnknownSetting(name, source, nearest))
    return list(found.values())


def check(
    environment: Mapping[str, str], meant_for_us: Mapping[str, Mapping[str, str | None]], *, is_production: bool
) -> list[str]:
    """A warning for each unknown name. In production, raises ValueError if a name seems to be meant as protection."""
    unknown = unknown_settings(environment, meant_for_us)
    values = {name: value for names in (*meant_for_us.values(), environment) for name, value in names.items()}
    if any(one.nearest == "ENVIRONMENT" and (values[one.name] or "").lower() == "production" for one in unknown):
        is_production = True
    if is_production and (protecting := [str(one) for one in unknown if one.looks_like_protection]):
        raise ValueError("; ".join(protecting))
    return [str(one) for one in unknown]


def _nearest(name: str, cutoff: float) -> str:
    return next(iter(get_close_matches(name, SETTING_NAMES, n=1, cutoff=cutoff)), "")
