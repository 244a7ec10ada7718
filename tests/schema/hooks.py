"""Tells Schemathesis what the OpenAPI document can't. Schemathesis loads this file in its own environment.

A JSON schema can't describe a recording. AITALK_SCHEMA_FILES is a folder of valid recordings to choose from.
"""

from __future__ import annotations

import os
from pathlib import Path

import schemathesis
from hypothesis import strategies

_RECORDINGS = strategies.sampled_from([path.read_bytes() for path in Path(os.environ["AITALK_SCHEMA_FILES"]).iterdir()])

for media_type in ("audio/*", "video/*"):
    schemathesis.openapi.media_type(media_type, _RECORDINGS)
