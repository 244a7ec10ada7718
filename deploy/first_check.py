"""`python -m deploy.first_check`: the checks of `make run` before it installs anything.

In a fresh clone the installation takes minutes. Without this check, a mistake would be told only after it.

names of settings  →  profile  →  values  →  GPU of the profile  →  ports that are free

It imports only the standard library, and what it decides with is shared with the later checks (`deploy.preflight`). It
refuses nothing that they accept. Its arguments are those of `deploy.mesh`: with --fetch or --dry-run nothing starts, so
only names, profile and values are checked.
"""

from __future__ import annotations

import codecs
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
    r"""
    \s*(?:
        (?:export[^\S\n]+|(?!export[^\S\n]))
        (?:'(?P<quoted>[^']+)'|(?P<name>[^=\#\s'][^=\#\s]*))[^\S\n]*
        (?:=(?P<value>[^\S\n]*(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^\s'"][^\n]*|(?=\n|\Z))))?
    )?
    (?:(?P<end>[^\S\n]*(?:\#[^\n]*)?(?:\n|\Z))|[^\n]*(?:\n|\Z))
    """,
    re.DOTALL | re.VERBOSE,
)
"""A setting in `.env`. A value in quotes may have several lines. Without `end`, python-dotenv ignores the setting."""
_VARIABLE = re.compile(r"\$\{(?P<name>[^}:]*)(?::-(?P<default>[^}]*))?\}")


def main(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> int:
    """Returns the exit status, and writes to standard error what is wrong."""
    dotenv = read_dotenv(Path(".env"), environment)
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
    if not (arguments or problems):
        with suppress(ValueError):  # a port in another form, such as 8e3
            problems += machine_problems(merged)
    lines = [f"warning: {warning}" for warning in warnings] + [f"can't start: {problem}" for problem in problems]
    print("".join(f"{line}\n" for line in lines), end="", file=sys.stderr)
    return 1 if problems else 0


def read_dotenv(path: Path, environment: Mapping[str, str]) -> dict[str, str | None]:
    """The settings in `path` as python-dotenv reads them, which is not installed yet. None: a name without `=`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return {}
    values: dict[str, str | None] = {}
    for found in _BINDING.finditer(text):
        name = found["quoted"] or found["name"]
        if name and found["end"] is not None:
            values[name] = found["value"] and _unquoted(found["value"], {**environment, **values})
    return values


def _unquoted(text: str, known: Mapping[str, str | None]) -> str:
    """The value that `text` stands for: without quotes or a comment, and with the values of variables, `${HOST}`."""
    value = text.lstrip()
    if value[:1] in ("'", '"'):
        escapes = r"\\[\\']" if value[0] == "'" else r"""\\[\\'"abfnrtv]"""
        value = re.sub(escapes, lambda found: codecs.decode(found[0], "unicode-escape"), value[1:-1])
    else:
        value = re.sub(r"\s+#.*", "", text).strip()
    return _VARIABLE.sub(lambda found: known.get(found["name"], found["default"]) or "", value)


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
