"""The checks of `make run` before it installs, downloads or loads anything, so that it reports a mistake within
seconds.

values of the settings  →  their names  →  free ports  →  Valkey's folder

In a fresh clone `deploy.first_check` finds most mistakes earlier, before any package is installed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from asr_service.config import AsrSettings
from common import unknown_settings
from common.errors import InvalidInputError
from common.security import Security
from common.settings import ModelServerSettings, ProcessSettings, problems_in
from deploy import data_folder
from deploy.configuration import given_to_make, settings_from
from deploy.port_locks import PortLocks
from deploy.ports import port_problems
from deploy.settings import RunSettings
from deploy.valkey import ValkeySettings
from gateway.config import GatewaySettings
from llm_service.config import LlmSettings
from tts_service.config import TtsSettings

SETTINGS: Mapping[str, type[BaseSettings]] = {
    "redis": ValkeySettings,
    "asr": AsrSettings,
    "llm": LlmSettings,
    "tts": TtsSettings,
    "gateway": GatewaySettings,
}


class CannotStartError(ValueError):
    """With these settings, or on this machine, the mesh can't start. The message has a line for each problem.

    warnings: what else is wrong, but would not keep the mesh from starting.
    """

    def __init__(self, message: str, warnings: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.warnings = warnings


def check_settings(environment: Mapping[str, str], processes: set[str]) -> list[str]:
    """Check the names and values of all settings. Returns warnings about names that nobody reads.

    environment: the settings, including those of `.env` and the profile. processes: those that start here. Raises
    CannotStartError.
    """
    problems: list[str] = []
    warnings: list[str] = []
    classes: list[type[BaseSettings]] = [RunSettings, *(cls for name, cls in SETTINGS.items() if name in processes)]
    for cls in classes:
        try:
            settings = settings_from(cls, environment)
            if isinstance(settings, GatewaySettings):
                settings.check_protection()
            if isinstance(settings, ProcessSettings):
                security = Security.of(settings)
                if isinstance(settings, ModelServerSettings):
                    security.check_server(settings)
            _check_models(settings)
        except ValidationError as invalid:
            problems += problems_in(invalid)
        except InvalidInputError as unknown:
            problems.append(unknown.message)
        except ValueError as error:
            problems.append(str(error))
    try:
        warnings = unknown_settings.check(
            os.environ,
            {".env": dotenv_values(".env"), "the command line": given_to_make(environment.get("MAKEFLAGS", ""))},
            is_production=environment.get("ENVIRONMENT", "").lower() == "production",
        )
    except ValueError as error:
        problems.append(str(error))
    if problems:
        raise CannotStartError("\n".join(dict.fromkeys(problems)), warnings)
    return warnings


def _check_models(settings: BaseSettings) -> None:
    """Raises InvalidInputError for a model that no engine of recognition or synthesis runs."""
    if isinstance(settings, AsrSettings) and settings.asr_model_name:
        from asr_service.engines import choose_engine as engine_of_recognition  # imports numpy

        engine_of_recognition(settings.asr_model_name)
    if isinstance(settings, TtsSettings) and settings.tts_model_name:
        from tts_service.engines import choose_engine, fallbacks_of

        for model in (settings.tts_model_name, *fallbacks_of(settings.tts_model_name, settings.tts_fallbacks)):
            choose_engine(model)


def check_machine(variables: Mapping[str, Mapping[str, str]], locks: PortLocks) -> None:
    """Check that ports are free and that Valkey may use its folder. Raises CannotStartError.

    variables: the environment variables of each process that starts here. locks: reserve the ports.
    """
    problems = port_problems(variables, locks.reserve)
    if redis := variables.get("redis"):
        problem = data_folder.problem_with(settings_from(ValkeySettings, redis).valkey_data_dir)
        problems += [problem] if problem else []
    if problems:
        raise CannotStartError("\n".join(problems))
