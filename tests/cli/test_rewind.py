"""`restore revert fork merge`: back, and aside, and together again."""

from __future__ import annotations

from pathlib import Path

from cli.saying import Run
from collabkit.sessions import blocking

HELLO = "Hello, wörld"


def write(db: Path, who: str, text: str, *, session: str = "plan") -> None:
    with blocking.open(db, subject=f"user:{who}") as workspace, workspace.open(session) as opened:
        opened.document.text("body").append(text)
        opened.saved()


def body(run: Run, db: Path, name: str = "plan") -> str:
    return run("inspect", db, name, "--text", "body").out


def test_restore_brings_a_document_back(run: Run, db: Path) -> None:
    """It is one more edit, which says what it changed and what keeps what was before."""
    write(db, "bob", "!")
    dry = run("restore", db, "plan", "3", "--dry-run")
    assert (dry.code, body(run, db)) == (0, f"{HELLO}!")
    assert f"-{HELLO}!\n+{HELLO}\n" in dry.out
    done = run("restore", db, "plan", "3")
    assert (done.code, done.out) == (0, dry.out)
    assert body(run, db) == HELLO
    newest = run("log", db, "plan", "--rows", "--json").json[-1]
    assert (newest["seq"], newest["origin"]) == (5, "restore:3")
    assert "'before restore #4'" in done.err
    assert run("restore", db, "plan", "before restore #4").code == 0
    assert body(run, db) == f"{HELLO}!"


def test_restore_takes_any_moment(run: Run, db: Path) -> None:
    """One that begins with a minus is no option; what is already so needs no edit."""
    assert run("restore", db, "plan", "-1h").code == 0
    assert body(run, db) == ""
    said = run("restore", db, "plan", "now")
    assert (said.code, said.out, "nothing to do" in said.err) == (0, "", True)
    assert run("restore", db, "plan", "99").code == 1
    assert run("restore", db, "plan/other", "1").code == 1


def test_revert_takes_one_change_back(run: Run, db: Path) -> None:
    """What others did stays, and what a later edit owns is told."""
    with blocking.open(db, subject="user:bob") as workspace, workspace.open("plan") as plan:
        with plan.document.edit():
            plan.document.text("body").append("!")
            plan.document.map("meta")["due"] = 2028
        plan.saved()
    with blocking.open(db, subject="user:ada") as workspace, workspace.open("plan") as plan:
        plan.document.map("meta")["due"] = 2029
    assert "+Hello, wörld\n" in run("revert", db, "plan", "4", "--dry-run").out
    assert body(run, db) == f"{HELLO}!"
    said = run("revert", db, "plan", "4")
    assert (said.code, body(run, db)) == (0, HELLO)
    assert "meta/due stays" in said.err
    assert "user:ada" in said.err
    (done,) = run("revert", db, "plan", "4", "--json").json
    assert (done["seq"], [kept["path"] for kept in done["kept"]]) == (None, [["meta", "due"]])


def test_revert_takes_back_what_somebody_did(run: Run, db: Path) -> None:
    """All of one author, within a span; either that or a change is wanted."""
    for word in (" one", " two", " three"):
        write(db, "bob", word)
        write(db, "ada", ".")
    assert run("revert", db, "plan", "--author", "user:bob", "--since", "5").code == 0
    assert body(run, db) == f"{HELLO} one..."
    assert run("revert", db, "plan", "--author", "user:bob").code == 0
    assert body(run, db) == f"{HELLO}..."
    assert run("revert", db, "plan").code == 2
    assert run("revert", db, "plan", "4", "--author", "user:bob").code == 2
    assert run("revert", db, "plan", "77").code == 1


def test_a_fork_is_merged_back(run: Run, db: Path) -> None:
    """It has the history up to its moment, and what it has beyond can be looked at and taken."""
    dry = run("fork", db, "plan", "aside", "--at", "1", "--dry-run")
    assert (dry.code, "1 row up to row 1" in dry.err) == (0, True)
    assert run("show", db, "aside").code == 1
    assert run("fork", db, "plan", "aside", "--at", "1").code == 0
    assert [row[0] for row in run("log", db, "aside").lines[1:]] == ["1"]
    assert run("show", db, "aside").lines[7][1].endswith("after row 1")
    write(db, "bob", " & co", session="aside")
    write(db, "ada", "!")
    dry = run("merge", db, "aside", "--dry-run")
    assert (dry.code, body(run, db)) == (0, f"{HELLO}!")
    assert "& co" in dry.out
    assert run("merge", db, "aside").out == dry.out
    assert sorted(body(run, db).removeprefix(HELLO)) == sorted(" & co!")
    said = run("merge", db, "aside", "plan")
    assert (said.code, "nothing to do" in said.err) == (0, True)


def test_a_fork_is_of_the_same_project(run: Run, db: Path) -> None:
    """Its name is told as other commands want it."""
    assert run("fork", db, "acme~note", "aside").err == "acme~aside has 1 row up to row 1\n"
    assert run("merge", db, "acme~aside").err.startswith("acme~note: nothing to do")


def test_a_fork_with_nothing_in_it_is_merged_in_a_sentence(run: Run, db: Path) -> None:
    """It is said that there is nothing to do, not nothing at all."""
    assert run("fork", db, "empty", "aside").code == 0
    said = run("merge", db, "aside")
    assert (said.code, said.err) == (0, "empty: nothing to do, there is nothing yet\n")


def test_what_is_no_fork_is_not_merged(run: Run, db: Path) -> None:
    """It is said in a sentence, and a name that is taken is not taken again."""
    for said in (
        run("merge", db, "plan"),
        run("merge", db, "empty", "plan"),
        run("merge", db, "nope"),
        run("fork", db, "plan", "empty"),
        run("fork", db, "plan", "empty", "--dry-run"),
    ):
        assert said.code in {1, 2}
        assert len(said.err.splitlines()) == 1
