"""How `make test` shares the tests among its workers (pytest-xdist), so that they take as little time as possible.

The tests of one file run on one worker, one after the other, because they share what the file's fixtures start. Some
files also share the mesh, which takes long to start: they run on one worker as well. The longest groups start first,
so that no worker is left alone with one at the end.
"""

from __future__ import annotations

from collections.abc import Iterable

GROUPS = {
    "tests/e2e/": "the mesh",
    "tests/browser/test_mesh.py": "the mesh",
    "tests/observability/": "the observed mesh",
}

# With seconds of wall time on two cores. What is not listed comes afterwards, in the order of collection.
LONGEST_FIRST = ("the mesh", "tests/integration/test_envoy.py", "the observed mesh")


def group_of(test_id: str) -> str:
    """The group whose tests run on one worker: a file, or several files that share what takes long to start."""
    file = test_id.partition("::")[0]
    return next((group for prefix, group in GROUPS.items() if file.startswith(prefix)), file)


def longest_first(groups: Iterable[str]) -> list[str]:
    """The groups in the order in which workers are to take them."""
    place = {group: number for number, group in enumerate(LONGEST_FIRST)}
    return sorted(groups, key=lambda group: place.get(group, len(place)))
