"""What Schemathesis has to know beyond the OpenAPI document. It loads this file in its own environment.

No JSON schema describes a recording. AITALK_SCHEMA_FILES is a folder with valid ones, of which it may choose.
"""

from __future__ import annotations

import os
from pathlib import Path

import schemathesis
from hypothesis import strategies

_RECORDINGS = strategies.sampled_from([path.read_bytes() for path in Path(os.environ["AITALK_SCHEMA_FILES"]).iterdir()])

for media_type in ("audio/*", "video/*"):
    schemathesis.openapi.media_type(media_type, _RECORDINGS)
