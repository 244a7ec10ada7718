"""Write the JSON Schema of the analysis to standard output.

python -m gateway.analysis > docs/schemas/analysis.schema.json
"""

from __future__ import annotations

import sys

from gateway.analysis.document import schema
from gateway.json_schema import as_published

sys.stdout.write(as_published(schema()))
