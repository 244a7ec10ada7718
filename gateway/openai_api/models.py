"""GET /v1/models: the models that are loaded.

Requests may name any model: there is one for each task, and the route decides the task.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from gateway.openai_api.answers import UnknownModelError
from gateway.openai_api.dependencies import Context, RequestStack

router = APIRouter(tags=["models"])

TASKS = {"asr": "transcription", "llm": "chat", "tts": "speech"}


@router.get("/models")
async def models(context: Context, stack: RequestStack) -> dict[str, Any]:
    """The models of the services that answer."""
    described = await context.services.describe()
    return {"object": "list", "data": [_model(name, one) for name, one in described.items() if one.get("model")]}


@router.get("/models/{model:path}")
async def model(model: str, context: Context, stack: RequestStack) -> dict[str, Any]:
    """One model."""
    described = await context.services.describe()
    for name, one in described.items():
        if one.get("model") == model:
            return _model(name, one)
    raise UnknownModelError("there is no such model here; GET /v1/models lists them")


def _model(service: str, described: dict[str, Any]) -> dict[str, Any]:
    """A model as OpenAI's object. `created` is 0, because no engine knows when its model was made."""
    return {
        "id": described["model"],
        "object": "model",
        "created": 0,
        "owned_by": described["engine"],
        "task": TASKS[service],
        "languages": described.get("languages", []),
    }
