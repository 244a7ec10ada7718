"""How `make test` shares the tests among its workers (pytest-xdist) so that they take as little time as possible.

The tests of one file run on one worker, one after the other, because they share what the file's fixtures start. Some
files form a larger group, which runs on one worker as well:

- Files that use the same mesh, because a mesh takes long to start.
- Files whose tests run in real time (spoken conversations, browsers, crowds of learners). They mostly wait, but what
  they wait for must not come late. They form three groups, so at most three of these tests run at once.
"""

from __future__ import annotations

GROUPS = {
    "tests/observability/": "the mesh",  # first: they expect no turns but their own in the mesh
    "tests/browser/test_mesh.py": "the mesh",
    "tests/browser/test_mesh_shadowing.py": "the mesh",
    "tests/browser/test_agents_sdk.py": "the mesh",
    "tests/e2e/": "the mesh",
    "tests/browser/": "browsers",
    "tests/integration/test_audio_mediarecorder.py": "recordings and crowds",
    "tests/integration/test_envoy.py": "recordings and crowds",
    "tests/integration/test_rolling_update.py": "recordings and crowds",
}
"""Which files form a group, by the beginnings of their paths; the first that fits counts. Within a group the files run
in this order."""

LONGEST_FIRST = (
    "the mesh",
    "browsers",
    "recordings and crowds",
    "tests/integration/test_analysis_bundled_model.py",
)
"""The groups that take longest start first. If one started last, the other workers would be idle until its end."""

REAL_TIME = ("the mesh", "browsers", "recordings and crowds")
"""The groups that wait for sound. Their processes get the processor before those of all other tests."""

THEN = ("tests/integration/", "tests/contract/")
"""The files in these folders come next, because some take half a minute. The many short files of `tests/unit` come
last, so that all workers end at about the same time."""


def group_of(test_id: str) -> str:
    """The group whose tests run on one worker: the test's file, or several files that share something."""
    file = test_id.partition("::")[0]
    return next((group for prefix, group in GROUPS.items() if file.startswith(prefix)), file)


def is_in_real_time(test_id: str) -> bool:
    """Whether the test waits for sound, so that it should not wait for the processor as well."""
    return group_of(test_id) in REAL_TIME


def place_of(test_id: str) -> tuple[int, int]:
    """Sorts tests: first the longest groups, each kept together, then the folders of `THEN`, then the other files. The
    files of a folder keep their order."""
    group = group_of(test_id)
    if group in LONGEST_FIRST:
        within = next((place for place, prefix in enumerate(GROUPS) if test_id.startswith(prefix)), 0)
        return LONGEST_FIRST.index(group), within
    folder = next((place for place, prefix in enumerate(THEN) if test_id.startswith(prefix)), len(THEN))
    return len(LONGEST_FIRST), folder
