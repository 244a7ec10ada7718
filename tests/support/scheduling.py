"""How `make test` shares the tests among its workers (pytest-xdist) so that they take as little time as possible.

The tests of one file run on one worker, one after the other, because they share what the file's fixtures start. Files
that share a mesh, which takes long to start, form one group and run on one worker as well. The longest groups start
first, so that no worker still has one to do when the others are done.
"""

from __future__ import annotations

GROUPS = {
    "tests/e2e/": "the mesh",
    "tests/observability/": "the observed mesh",  # first: it expects the turns of its own conversation only
    "tests/browser/test_mesh.py": "the observed mesh",
}
"""Which files form a group, by the beginnings of their paths; within a group they run in this order."""

LONGEST_FIRST = ("the mesh", "the observed mesh", "tests/integration/test_envoy.py")
"""The groups that take longest. The others follow in the order of collection."""


def group_of(test_id: str) -> str:
    """The group whose tests run on one worker: the test's file, or several files that share something."""
    file = test_id.partition("::")[0]
    return next((group for prefix, group in GROUPS.items() if file.startswith(prefix)), file)


def place_of(test_id: str) -> tuple[int, int]:
    """Sorts tests so that the longest groups come first, each in one piece. Files keep their order otherwise."""
    group = group_of(test_id)
    if group not in LONGEST_FIRST:
        return len(LONGEST_FIRST), 0
    within = next((place for place, prefix in enumerate(GROUPS) if test_id.startswith(prefix)), 0)
    return LONGEST_FIRST.index(group), within
