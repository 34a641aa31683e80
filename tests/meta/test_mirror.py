"""The tests mirror the package, and each says in a sentence what it holds."""

from __future__ import annotations

import ast
from pathlib import Path, PurePosixPath

# Modules whose promises are kept elsewhere, and where.
KEPT_IN: dict[str, str] = {
    "collabkit/crdt/brood.py": "tests/crdt/test_sandbox.py",
    "collabkit/crdt/child_loop.py": "tests/crdt/test_child.py",
    "collabkit/crdt/nursery_loop.py": "tests/crdt/test_nursery.py",
    "collabkit/crdt/touches.py": "tests/crdt/test_touching.py",
    "collabkit/errors/access.py": "tests/test_errors.py",
    "collabkit/errors/documents.py": "tests/test_errors.py",
    "collabkit/errors/root.py": "tests/test_errors.py",
    "collabkit/errors/sessions.py": "tests/test_errors.py",
    "collabkit/errors/store.py": "tests/test_errors.py",
    "collabkit/errors/wire.py": "tests/test_errors.py",
    "collabkit/sessions/asked.py": "tests/sessions/test_operations.py",
    "collabkit/sessions/editing.py": "tests/sessions/test_rewinding.py",
    "collabkit/sessions/founding.py": "tests/sessions/test_operations.py",
    "collabkit/sessions/member.py": "tests/sessions/test_attendance.py",
    "collabkit/sessions/opening.py": "tests/sessions/test_workspace.py",
    "collabkit/sessions/paging.py": "tests/sessions/test_history.py",
    "collabkit/sessions/shelter.py": "tests/sessions/test_workspace.py",
    "collabkit/store/charter.py": "tests/testing/test_charter_contract.py",
    "collabkit/store/sqlite_facts.py": "tests/store/test_sqlite.py",
    "collabkit/store/sqlite_past.py": "tests/store/test_archive.py",
    "collabkit/sync/bans.py": "tests/sync/test_room.py",
    "collabkit/sync/connection_effects.py": "tests/sync/test_connection.py",
    "collabkit/sync/edits.py": "tests/sync/test_room.py",
    "collabkit/sync/effects.py": "tests/sync/test_room.py",
    "collabkit/sync/events.py": "tests/sync/test_room.py",
    "collabkit/sync/intake.py": "tests/sync/test_room.py",
    "collabkit/sync/link.py": "tests/sync/test_hub.py",
    "collabkit/sync/liveroom.py": "tests/sync/test_hub.py",
    "collabkit/sync/pending.py": "tests/sync/test_room.py",
    "collabkit/sync/position.py": "tests/sync/test_dialogue.py",
    "collabkit/sync/readers.py": "tests/sync/test_room.py",
    "collabkit/sync/place.py": "tests/sync/test_hub.py",
    "collabkit/sync/seat.py": "tests/sync/test_hub.py",
    "collabkit/sync/untaken.py": "tests/sync/test_receipts.py",
    "collabkit/sync/trips.py": "tests/sync/test_hub.py",
    "collabkit/sync/client_effects.py": "tests/sync/test_dialogue.py",
    "collabkit/sync/client_events.py": "tests/sync/test_exchange.py",
}


def _test_of(module: str) -> str:
    path = PurePosixPath(module)
    return (
        (PurePosixPath("tests") / path.relative_to("collabkit"))
        .with_name(f"test_{path.stem}.py")
        .as_posix()
    )


def test_every_module_has_its_test_file(root: Path, sources: dict[str, ast.Module]) -> None:
    """`collabkit/a/b.py` is tested by `tests/a/test_b.py`, or by the file named in KEPT_IN."""
    wanted = {
        name: KEPT_IN.get(name, _test_of(name))
        for name in sources
        if not name.endswith("__init__.py")
    }
    missing = [f"{n} by {test}" for n, test in wanted.items() if not (root / test).is_file()]
    assert "\n".join(missing) == ""


def test_the_exceptions_to_the_mirror_are_needed(
    root: Path, sources: dict[str, ast.Module]
) -> None:
    """Every module in KEPT_IN exists, and has no test file of its own."""
    stale = [name for name in KEPT_IN if name not in sources or (root / _test_of(name)).is_file()]
    assert "\n".join(stale) == ""


def test_every_test_says_what_it_holds(tests: dict[str, ast.Module]) -> None:
    """The docstring of a test is the promise that it checks."""
    silent = [
        f"{name}:{node.lineno} {node.name}"
        for name, tree in tests.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        and not ast.get_docstring(node)
    ]
    assert "\n".join(silent) == ""


def test_what_runs_alone_is_where_it_is_run(root: Path) -> None:
    """`make test` looks for tests that must run alone in `tests/hostile`, and nowhere else."""
    alone = [
        path.relative_to(root).as_posix()
        for path in (root / "tests").rglob("test_*.py")
        if "@pytest.mark.alone\n" in path.read_text(encoding="utf-8")
    ]
    assert alone
    assert all(name.startswith("tests/hostile/") for name in alone), alone
