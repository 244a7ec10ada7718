"""How pytest-xdist gives the groups of `scheduling` to its workers."""

from __future__ import annotations

from typing import Any

from xdist.scheduler import LoadScopeScheduling

from tests.support.scheduling import group_of


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives whole groups to workers. If a worker dies, its running test fails, and another worker runs the rest."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def remove_node(self, node: Any) -> str | None:
        """Take the work back from a worker that has ended. Returns the test that was running in it, if any.

        xdist would give that test to the next worker, which would hang or die as well. It would also hand out groups
        that have no tests left, and a worker that gets such a group waits for ever.
        """
        work: dict[str, dict[str, bool]] = self.assigned_work[node]
        running = next(((tests, test) for tests in work.values() for test, done in tests.items() if not done), None)
        if running:
            tests, test = running
            tests[test] = True
        self.assigned_work[node] = {group: tests for group, tests in work.items() if not all(tests.values())}
        super().remove_node(node)
        return running[1] if running else None
