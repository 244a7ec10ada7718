"""What is said of a conversation when it ends: measured numbers, and what the language model adds to them.

The story is told in `analyser`. Everything in `fluency`, `vocabulary` and `timeline` is counted or computed, from the
turns and their times alone, and `cefr` is a rule over it. What the language model writes is asked for in `writing`:
`grammar`, `explanations`, `feedback` and `goals` put the questions and believe what can be checked.
docs/analysis.md explains each number to people, docs/schemas/analysis.schema.json to programs.
"""

from gateway.analysis.analyser import analyse
from gateway.analysis.document import Analysis, schema
from gateway.analysis.writing import Stage

__all__ = ["Analysis", "Stage", "analyse", "schema"]
