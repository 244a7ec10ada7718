"""Finds settings that nobody reads. Otherwise a misspelt name would have no effect and cause no warning. Pure.

Names in `.env` (and on the command line of `make`) are meant for us, so each must be known. The environment contains
variables of many programs, so three kinds of names are checked there: names that begin like a setting, names that
almost match one, and names made of the words of our settings that sound like protection (REQUIRE_AUTH).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from common.setting_names import SETTING_NAMES

_OUR_NAME = "AITALK_"  # no setting begins with it, but some people expect that
_COMMON = {"ENABLE", "HISTORY", "LOAD", "LOG", "MAX", "ROOT", "SESSION", "TOOL"}
"""Words with which the variables of many other programs begin, too."""

_FIRST_WORDS = {name.split("_")[0] for name in SETTING_NAMES if "_" in name}
_PREFIXES = (_OUR_NAME, *(f"{word}_" for word in _FIRST_WORDS - _COMMON))
_WORDS = {word for name in SETTING_NAMES for word in name.split("_")} | {"DISABLE", "ENABLED", "REQUIRE", "REQUIRED"}
_ALMOST, _SIMILAR = 0.9, 0.75  # how alike two names must be, for get_close_matches
_SHORT_NAME = 8  # shorter names of other programs are often similar to ours: PORTS, HOSTS

# Names that our libraries and tools read, and those that compose, make and the command `aitalk` read.
_FOREIGN = re.compile(
    r"(COMPOSE|COQUI|CT2|CUDA|DOCKER|GF|HUGGINGFACE|LC|LD|LLAMA|MALLOC|MKL|NCCL|NVIDIA|OMP|ONNX|OPENBLAS|ORT|PIP|PYTHON"
    r"|TOKENIZERS|TORCH|TRANSFORMERS|UV|UVICORN|VLLM|XDG)_\w+"
    r"|GRPC_(ABORT_ON_LEAKS|ALTS|CLIENT_CHANNEL|CPP|DEFAULT_SSL|DNS|ENABLE_FORK|EXPERIMENT|NOT_USE_SYSTEM_SSL|POLL"
    r"|PYTHON|SSL|STACKTRACE|SYSTEM_SSL|TRACE|USE_SYSTEM|VERBOSITY|XDS)\w*"
    r"|OTEL_TRACES_SAMPLER|OTEL_EXPORTER_OTLP_(LOGS|METRICS|TRACES)_\w+"
    r"|(ALL|FTP|HTTPS?|NO)_PROXY|PYTHON\w*|WEB_CONCURRENCY|PATH|HOME|USER|LANG|TZ|TMPDIR|SHELL|TERM"
    r"|AITALK_(SERVICE|SETTINGS_CHECKED|TOKEN|URL)|ARGS|VENV"
)
_SHARED = re.compile(r"(HF|OTEL)_\w+")  # some are settings of ours, too, so a name that is almost one is a mistake
_SERVICE_LINK = re.compile(r"\w+_(SERVICE_HOST|SERVICE_PORT\w*|PORT_\d+_(TCP|UDP)\w*)")  # set by Kubernetes
_PROTECTION = re.compile(
    r"AUTH|(?<!MAX_)TOKEN|SECRET|JWT|TLS|PASSWORD|API_?KEY|_KEY|CORS|ORIGIN|ALLOW|TRUST|FORWARDED|REFLECTION|MAX_FRAME"
    r"|^(CLIENT|UPLOAD)_|^(GRPC_)?HOST$|^ENVIRONMENT$|^MCP_SERVERS$"
)


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
    """The names that are not settings, but were probably meant as settings.

    environment: names of all environment variables. meant_for_us: another source of names (".env") → its names.
    """
    found: dict[str, UnknownSetting] = {}
    for source, names in {**meant_for_us, "the environment": environment}.items():
        for name in names:
            upper = name.upper()
            if _is_known(upper):
                continue
            is_ours = source in meant_for_us or upper.startswith(_PREFIXES) or _sounds_like_our_protection(upper)
            nearest = _nearest(upper, _SIMILAR if is_ours else _ALMOST)
            if is_ours or (nearest and len(upper) >= _SHORT_NAME):
                found.setdefault(upper, UnknownSetting(name, source, nearest))
    return list(found.values())


def _is_known(name: str) -> bool:
    if name in SETTING_NAMES or _FOREIGN.fullmatch(name) or _SERVICE_LINK.fullmatch(name):
        return True
    return bool(_SHARED.fullmatch(name)) and not _nearest(name, _ALMOST)


def _sounds_like_our_protection(name: str) -> bool:
    return len(name) >= _SHORT_NAME and bool(_PROTECTION.search(name)) and _WORDS.issuperset(name.split("_"))


def check(
    environment: Mapping[str, str], meant_for_us: Mapping[str, Mapping[str, str | None]], *, is_production: bool
) -> list[str]:
    """A warning for each unknown name. In production, raises ValueError if a name seems to be meant as protection.

    A misspelt ENVIRONMENT with the value `production` counts as production, too.
    """
    values = {name: value for names in (*meant_for_us.values(), environment) for name, value in names.items()}
    found = unknown_settings(environment, meant_for_us)
    unknown = [one for one in found if not _has_another_use(one.name, values)]
    if any(one.nearest == "ENVIRONMENT" and (values[one.name] or "").lower() == "production" for one in unknown):
        is_production = True
    if is_production and (protecting := [str(one) for one in unknown if one.looks_like_protection]):
        raise ValueError("; ".join(protecting))
    return [str(one) for one in unknown]


def _has_another_use(name: str, values: Mapping[str, str | None]) -> bool:
    """Whether Kubernetes made the variable for a Service, or its value is a part of REDIS_URL (REDIS_PASSWORD)."""
    value = values[name] or ""
    is_part_of_url = name.startswith("REDIS_") and value and value in (values.get("REDIS_URL") or "")
    return bool(is_part_of_url) or value.startswith(("tcp://", "udp://"))


def _nearest(name: str, cutoff: float) -> str:
    return next(iter(get_close_matches(name.removeprefix(_OUR_NAME), SETTING_NAMES, n=1, cutoff=cutoff)), "")
