"""The port to the model servers as a whole, for the HTTP routes."""

from __future__ import annotations

from typing import Any, Protocol

from gateway.ports.language_model import Chat
from gateway.ports.languages import KnownLanguages
from gateway.ports.recognition import Recordings


class ModelChecks(Protocol):
    """What the check of readiness needs of the model servers."""

    async def problems(self) -> dict[str, str]:
        """For each service: why it can't be used now; an empty text if it is ready."""
        ...

    async def fallbacks(self) -> dict[str, str]:
        """For each service that does not run the requested engine: which one it runs, and why."""
        ...


class Services(ModelChecks, Protocol):
    """What the routes need of the model servers; `clients.services.ModelServices` provides it."""

    @property
    def recordings(self) -> Recordings:
        """Recognition of recordings."""
        ...

    @property
    def chat(self) -> Chat:
        """The language model for other applications."""
        ...

    async def describe(self) -> dict[str, dict[str, Any]]:
        """For each service: engine, model, device, memory and slots; `error` if it does not answer."""
        ...

    async def voices(self) -> list[dict[str, Any]]:
        """The voices of the speech synthesis, the default first. Raises ServiceError."""
        ...

    async def languages(self) -> KnownLanguages:
        """The languages of the voices and of the recognition; empty for a service that doesn't report them."""
        ...

    async def occupancy(self) -> float:
        """The share of slots in use, 0 to 1, of the language model or of the synthesis, whichever is higher."""
        ...

    async def slots(self) -> dict[str, int | None]:
        """The slots of each service, summed over its ready replicas; None: no replica is ready."""
        ...
