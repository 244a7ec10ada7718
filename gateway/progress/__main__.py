"""Write the JSON Schema of a learner's export to standard output.

python -m gateway.progress > docs/schemas/learner.schema.json
"""

from __future__ import annotations

import sys

from gateway.json_schema import as_published
from gateway.ports.learner_record import schema

sys.stdout.write(as_published(schema()))
