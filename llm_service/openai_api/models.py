"""What a server says about its models at GET /models, and which of them is used. Pure."""

from __future__ import annotations

import logging

from pydantic import BaseModel

from common.errors import InvalidInputError, UnavailableError

logger = logging.getLogger(__name__)


class Meta(BaseModel):
    n_params: int = 0


class ServedModel(BaseModel):
    id: str
    owned_by: str | None = None
    meta: Meta | None = None  # only llama.cpp sends it
    max_model_len: int | None = None  # vLLM's and SGLang's: the context in tokens


class ServedModels(BaseModel):
    data: list[ServedModel]


def choose_model(wanted: str, served: list[str]) -> str:
    """`wanted` if the server has it, else the only model that the server has.

    Raises InvalidInputError, naming the models, if the server has several others; UnavailableError if it has none.
    """
    if wanted in served:
        return wanted
    if len(served) == 1:
        logger.info("the model server has %s, not %s: using that", served[0], wanted)
        return served[0]
    if not served:
        raise UnavailableError("the model server has no model at all; load one there")
    raise InvalidInputError(
        f"LLM_MODEL_NAME={wanted}: the model server does not have this model; set one that it has: {', '.join(served)}"
    )
