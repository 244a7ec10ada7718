"""Write the JSON Schema of a learner's export to standard output.

python -m gateway.progress > docs/schemas/learner.schema.json
"""

from __future__ import annotations

import sys

from gateway.learner_record import schema_text

sys.stdout.write(schema_text())
