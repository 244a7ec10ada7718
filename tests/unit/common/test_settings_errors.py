"""A wrong value is shown in the message, and a secret never is."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from asr_service.config import AsrSettings
from common.settings import is_secret, problems_in
from deploy.configuration import settings_from
from gateway.config import GatewaySettings
from llm_service.config import LlmSettings
from tests.support.settings_table import GROUPS


def problems(cls: type, **environment: str) -> list[str]:
    with pytest.raises(ValidationError) as invalid:
        settings_from(cls, environment)
    return problems_in(invalid.value)


def test_the_value_that_was_given_is_in_the_message() -> None:
    (problem,) = problems(GatewaySettings, PORT="abc")
    assert problem.startswith("PORT=abc: Input should be a valid integer")
    assert len(problems(GatewaySettings, PORT="abc", IDLE_TIMEOUT_S="0")) == 2


def test_a_password_in_an_address_is_not() -> None:
    (problem,) = problems(LlmSettings, LLM_BASE_URL="ftp://me:password@host/v1")
    assert problem.startswith("LLM_BASE_URL=ftp://…@host/v1: ")
    assert "password" not in problem


def test_settings_that_do_not_go_together_are_named() -> None:
    (problem,) = problems(AsrSettings, ASR_MIN_SILENCE_MS="900", ASR_MAX_SILENCE_MS="300")
    assert problem.startswith("ASR_M")


def test_every_secret_is_known_as_one_and_nothing_else() -> None:
    fields = {name.upper(): field for cls in GROUPS.values() for name, field in cls.model_fields.items()}
    secrets = {name for name, field in fields.items() if isinstance(field.default, SecretStr)}
    assert {name for name in fields if is_secret(name)} == secrets
