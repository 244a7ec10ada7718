"""The analysis of a conversation at its end: measured numbers, and parts that the language model writes.

Begin with `analyser`. `fluency`, `vocabulary` and `timeline` measure the turns without a language model, and `cefr`
applies a rule to the results. `analysis_writer` lets the language model write the other parts: `grammar`,
`explanations`, `feedback` and `goals` ask the questions and check the answers. docs/analysis.md explains each number;
docs/schemas/analysis.schema.json is the schema for programs.
"""

from gateway.analysis.analyser import analyse
from gateway.analysis.analysis_writer import Stage
from gateway.analysis.document import Analysis, schema

__all__ = ["Analysis", "Stage", "analyse", "schema"]
