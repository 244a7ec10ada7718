"""How pytest-xdist gives the groups of `scheduling` to its workers."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

from tests.support.scheduling import group_of


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Workers take whole groups. A worker that dies takes its running test along, and another one does the rest."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def remove_node(self, node: Any) -> str | None:
        """Take the work back from a worker that has ended. Returns the test that it ran, if it ran one.

        xdist would give that test to the next worker, which would hang or die as well. It would also give away groups
        of which nothing is left, and a worker that gets such a group waits for ever.
        """
        work: dict[str, dict[str, bool]] = self.assigned_work[node]
        running = next(((tests, test) for tests in work.values() for test, done in tests.items() if not done), None)
        if running:
            tests, test = running
            tests[test] = True
        self.assigned_work[node] = {group: tests for group, tests in work.items() if not all(tests.values())}
        super().remove_node(node)
        return running[1] if running else None
