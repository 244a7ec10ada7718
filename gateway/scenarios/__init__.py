"""Scenarios: situations to talk in. Each one is a YAML file in a library.

`scenario` defines the fields of a file, `signs` decides from the learner's own words whether a task was done, and
`library` reads the bundled folder and SCENARIOS_DIR. docs/scenarios.md explains the format to authors.
"""

from gateway.scenarios.library import Library, load_library
from gateway.scenarios.scenario import Scenario, Task, schema

__all__ = ["Library", "Scenario", "Task", "load_library", "schema"]
