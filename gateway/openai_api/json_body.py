"""The base class of JSON bodies. It refuses what Python accepts as JSON but other programs do not."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, model_validator


class JsonBody(BaseModel):
    """A body without NaN, infinite numbers or halves of surrogate pairs. Model servers could not read these, and
    neither could clients that get them back."""

    @model_validator(mode="before")
    @classmethod
    def _check(cls, body: Any) -> Any:
        if not isinstance(body, dict):  # refused anyway
            return body
        try:
            json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:
            raise ValueError("a text has half of a surrogate pair in it; send whole characters") from None
        except ValueError:
            raise ValueError("a number is not finite; JSON has no NaN and no Infinity") from None
        return body
