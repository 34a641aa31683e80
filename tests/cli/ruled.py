"""A file with a session in it, made once and copied, and a policy for it."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from collabkit.sessions import blocking

POLICY = """
[[roles]]
name = "writer"
permissions = [
    { resource = "/projects/*/sessions/*/docs/**", action = "write" },
    { resource = "/**", action = "read" },
]

[[grants]]
id = "ada"
subject = "user:ada"
role = "writer"
scope = "/projects/acme"

[[grants]]
id = "own"
subject = "group:staff"
permission = { resource = "/**", action = "delete", conditions = ["change.own"] }
scope = "/projects/acme/sessions/plan/docs/main/notes"
not_after = 4000000000

[[grants]]
id = "no"
subject = "anyone"
permission = { resource = "/**", action = "write", effect = "deny" }
scope = "/projects/acme/sessions/plan/docs/main/sealed"

[groups]
"group:staff" = ["user:ben", "user:cy"]
"""


def made(folder: Path) -> Path:
    """A file with the session ``acme~plan``, and nothing in it; beside it ``policy.toml``."""
    (folder / "policy.toml").write_text(POLICY)
    path = folder / "team.db"
    path.write_bytes(_file())
    return path


@functools.cache
def _file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "team.db")
        with blocking.open(path, subject="user:ada") as workspace:
            workspace.create("plan", project="acme")
        return path.read_bytes()
