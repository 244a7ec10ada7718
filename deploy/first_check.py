"""`python -m deploy.first_check`: the checks of `make run` before it installs anything.

In a fresh clone the installation takes minutes. Without this check, a mistake would be told only after it.

names of settings  →  profile  →  values  →  GPU of the profile  →  ports that are free

It imports only the standard library, and what it decides with is shared with the later checks (`deploy.preflight`). It
refuses nothing that they accept. Its arguments are those of `deploy.mesh`: with --fetch or --dry-run nothing starts, so
only names, profile and values are checked.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from common import unknown_settings
from deploy.configuration import GPU_PROFILES, check_profile, given_to_make
from deploy.gpus import has_gpu, missing_gpu
from deploy.ports import here, port_problems, port_setting
from deploy.setting_values import default_of, value_problems

_BINDING = re.compile(
    r"""^[^\S\n]*(?:export[^\S\n]+)?(?P<name>[^=\#\s'"]+)[^\S\n]*"""
    r"""(?:=[^\S\n]*(?P<value>'(?:\\'|[^'])*'|"(?:\\"|[^"])*"|[^\n]*))?""",
    re.MULTILINE,
)
"""A setting in `.env`. A value in quotes may have several lines."""


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Returns the exit status, and writes to standard error what is wrong."""
    dotenv = read_dotenv(Path(".env"))
    merged = {name: value for name, value in (*dotenv.items(), *environment.items()) if value}
    problems: list[str] = []
    warnings: list[str] = []
    try:
        warnings = unknown_settings.check(
            environment,
            {".env": dotenv, "the command line": given_to_make(environment.get("MAKEFLAGS", ""))},
            is_production=merged.get("ENVIRONMENT", "").lower() == "production",
        )
        check_profile(merged.get("PROFILE", ""))
    except ValueError as error:
        problems.append(str(error))
    problems += value_problems(merged, here(merged))
    if not (arguments or problems or None in dotenv.values()):
        with suppress(ValueError):  # a port in another form, such as 8e3
            problems += machine_problems(merged)
    lines = [f"warning: {warning}" for warning in warnings] + [f"can't start: {problem}" for problem in problems]
    print("".join(f"{line}\n" for line in lines), end="", file=sys.stderr)
    return 1 if problems else 0


def read_dotenv(path: Path) -> dict[str, str | None]:
    """The settings in `path`. None: python-dotenv, which is not installed yet, may understand the value otherwise."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError):
        return {}
    return {found["name"]: _plain(found["value"]) for found in _BINDING.finditer(text)}


def _plain(value: str | None) -> str | None:
    if value is None or "\\" in value or "${" in value:
        return None
    return value[1:-1] if value[:1] in ("'", '"') else re.sub(r"\s+#.*", "", value).strip()


def machine_problems(environment: Mapping[str, str]) -> Iterator[str]:
    """Why the mesh can't start on this machine with these settings."""
    profile = environment.get("PROFILE", "")
    # Settings for a model may move it off the GPU; then only the later check can tell.
    is_as_it_comes = not any(name.startswith(("ASR_", "LLM_", "TTS_")) for name in environment)
    if profile in GPU_PROFILES and is_as_it_comes and not has_gpu():
        yield missing_gpu(profile)
    default = {"PORT": default_of("PORT")}
    variables = {
        name: {**default, **environment, "METRICS_PORT": "0"}  # it is counted up later
        for name in sorted(here(environment))
        if name == "gateway" or environment.get(port_setting(name))
    }
    yield from port_problems(variables)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
