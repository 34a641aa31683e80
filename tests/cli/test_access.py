"""`access plan`, `apply`, `export`, `epochs`: a policy as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.ruled import POLICY, made
from cli.saying import Run


@pytest.fixture
def db(tmp_path: Path) -> Path:
    """A file without rules; beside it are some."""
    return made(tmp_path)


def test_a_policy_goes_out_and_in_again(run: Run, db: Path) -> None:
    """In both forms it is the same, planned before and applied at once."""
    file = db.with_name("policy.toml")
    planned = run("access", "plan", db, file)
    assert "user:ada write /projects/acme/sessions/*/docs/**" in planned.out
    assert run("access", "apply", db, file, "--reason", "begin").err.endswith("6 facts changed\n")
    for form, options in (("toml", []), ("json", ["--json"])):
        out = file.with_name(f"out.{form}")
        out.write_text(run("access", "export", db, *options).out)
        assert run("access", "plan", db, out, "--prune").out == ""
    assert run("access", "plan", db, file).err == "nothing would change\n"
    file.write_text(POLICY[: POLICY.index("[[grants]]")])
    assert run("access", "apply", db, file).err.endswith("0 facts changed\n")
    assert run("access", "apply", db, file, "--prune", "--json").json == {"epoch": 2}
    assert run("access", "grants", db).lines[1:] == []
    rows = run("access", "epochs", db).lines[1:]
    assert [(row[0], row[3], row[4]) for row in rows] == [("2", "1", ""), ("1", "6", "begin")]
    assert "user:ada" in run("access", "export", db, "--at", "1").out


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("[[roles]]\nname = 'a'\nmay = 1", 3, "unknown field 'may'"),
        ("\n[[roles]]\nname = 'a'\ninherits = ['a']", 2, "it leads back to itself"),
        ("\na = " + "[" * 10_000, 2, "nested deeper"),
        ("[[roles]]\nname = 'a'\n[[roles.permissions]]\nresource = 'x'\naction = 'read'", 4, "/"),
    ],
)
def test_a_file_that_is_wrong_is_refused_at_its_line(
    run: Run, db: Path, text: str, line: int, reason: str
) -> None:
    """Planned or applied: one sentence that names the line, and nothing changes."""
    file = db.with_name("bad.toml")
    file.write_text(text)
    for command in ("plan", "apply"):
        said = run("access", command, db, file)
        assert (said.code, len(said.err.splitlines())) == (2, 1)
        assert said.err.startswith(f"error: bad.toml line {line}: ")
        assert reason in said.err
    assert run("access", "epochs", db).lines[1:] == []


def test_a_file_that_is_not_there_is_said_so(run: Run, db: Path) -> None:
    """In a sentence, as one is that has a name of no policy."""
    for name in ("none.toml", "policy.yaml"):
        db.with_name("policy.yaml").write_text("")
        said = run("access", "apply", db, db.with_name(name))
        assert (said.code, len(said.err.splitlines())) == (2, 1)
