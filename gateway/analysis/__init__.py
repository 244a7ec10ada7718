"""What is said of a conversation when it ends: measured numbers, and what the language model adds to them.

The story is told in `analyser`. Everything in `fluency`, `vocabulary`, `timeline` and `cefr` is counted or computed,
from the turns and their times alone; `grammar` and `feedback` ask the language model and believe what can be checked.
docs/analysis.md explains each number to people, docs/schemas/analysis.schema.json to programs.
"""

from gateway.analysis.analyser import analyse
from gateway.analysis.document import Analysis, schema

__all__ = ["Analysis", "analyse", "schema"]
