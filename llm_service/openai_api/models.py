"""What a server says about its models at GET /models, and the choice of one of them. Pure."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from fnmatch import fnmatchcase

from pydantic import BaseModel, ValidationError

from common.errors import EngineError, InvalidInputError, UnavailableError
from llm_service.openai_api.chat_completions import NOT_OURS

logger = logging.getLogger(__name__)


class Meta(BaseModel):
    """What llama.cpp reports about a model. n_params: how many parameters it has; 0: unknown."""

    n_params: int = 0


class ServedModel(BaseModel):
    """A model in the answer to GET /models."""

    id: str
    owned_by: str | None = None
    meta: Meta | None = None  # only llama.cpp sends it
    max_model_len: int | None = None  # from vLLM and SGLang: the context in tokens


def served_models(body: bytes) -> list[ServedModel]:
    """The models in the answer to GET /models: `{"data": […]}`, or a bare list (Together). Raises EngineError.

    Ollama without any model says `{"data": null}`. Entries that are not models are skipped.
    """
    try:
        listed = json.loads(body)
    except (ValueError, RecursionError):
        listed = None
    if isinstance(listed, dict) and "data" in listed:
        listed = listed["data"] or []
    if not isinstance(listed, list):
        raise EngineError(f"the model server failed: {NOT_OURS}")
    return [model for entry in listed if (model := _model(entry))]


def _model(entry: object) -> ServedModel | None:
    try:
        return ServedModel.model_validate(entry)
    except ValidationError:
        name = entry.get("id") if isinstance(entry, dict) else None
        return ServedModel(id=name) if isinstance(name, str) else None


def choose_model(wanted: str, served: Sequence[str]) -> str:
    """The model's name for requests: `wanted` if the server has it, otherwise the only one that is not for embeddings.

    Raises UnavailableError if the server has no model, InvalidInputError, which names its models, if none of them can
    be chosen.
    """
    if found := _named(wanted, served):
        return found
    chat = [name for name in served if "embed" not in name.lower()]  # LM Studio always lists such a model, too
    if len(chat) == 1:
        logger.info("using the model server's only model, %s: it has no %s", chat[0], wanted)
        return chat[0]
    if not served:
        raise UnavailableError("the model server has no model at all; load one there")
    raise InvalidInputError(
        f"LLM_MODEL_NAME={wanted}: the model server does not have this model; set one that it has: {', '.join(served)}"
    )


def _named(wanted: str, served: Sequence[str]) -> str:
    """The server's name for `wanted`; "" if it has none.

    Names in Ollama have a tag (`llama3.2:latest`), names in Gemini a prefix (`models/gemini-2.5-flash`). OpenRouter
    lists `model` and serves `model:nitro`. LiteLLM lists patterns (`openai/*`).
    """
    for name in (wanted, f"{wanted}:latest", f"models/{wanted}"):
        if name in served:
            return name
    is_variant = wanted.partition(":")[0] in served and "/" in wanted
    return wanted if is_variant or any("*" in name and fnmatchcase(wanted, name) for name in served) else ""
