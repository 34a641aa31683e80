"""The tree of exceptions: as drawn, and each with a message made of its fields."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from collabkit import errors

CLASSES = [getattr(errors, name) for name in errors.__all__]

# What to make one of each with, and what its message must say. A class without a row of its own
# is abstract or is a heading of the tree.
MESSAGES: list[tuple[errors.CollabError, str]] = [
    (errors.MalformedBytes("a varint", 7), "malformed bytes at offset 7: a varint"),
    (errors.UpdateRefused("too-many", "it has 9"), "update refused (too-many): it has 9"),
    (errors.BadFrame("no type", close_code=1003), "bad frame: no type"),
    (errors.ConnectionClosed(1006), "connection closed (1006)"),
    (errors.ConnectionClosed(1001, "going"), "connection closed (1001): going"),
    (errors.ConnectionRefused(4403, "not you"), "connection closed (4403): not you"),
    (errors.NoAcknowledgements("ws://h"), "ws://h cannot acknowledge edits: it is not a"),
    (errors.ValueNotStorable("a set"), "cannot be stored in a document: a set"),
    (errors.OutOfRange(9, 3), "index 9 is out of range for length 3"),
    (errors.WrongRoot("body", "a map", "a text"), "root 'body' is a map, not a text"),
    (errors.Gone("body[3]"), "body[3] is not in the document any more"),
    (errors.ReadOnlyDocument("main"), "document 'main' is read-only here"),
    (errors.EngineLost("main"), "the engine lost document 'main'; rebuild it from the log"),
    (errors.EngineLost("main", 2), "the engine lost document 'main' at update 2; rebuild"),
    (errors.InvalidName("a?b", "it contains '?'"), "invalid name 'a?b': it contains '?'"),
    (errors.InvalidName("x" * 99, "long"), f"invalid name '{'x' * 57}...': long"),
    (errors.SessionNotFound("n"), "no session 'n'; `collabkit ls` lists those there are"),
    (errors.SessionExists("n"), "session 'n' exists already; open it, or choose another"),
    (errors.MomentNotFound("v1", "no version"), "no moment 'v1': no version"),
    (errors.SessionBusy("n", "it is open"), "session 'n' is in use: it is open"),
    (errors.ProjectNotFound("p"), "no project 'p'; `collabkit project ls` lists"),
    (errors.ProjectExists("p"), "project 'p' exists already"),
    (errors.ProjectArchived("p"), "project 'p' is archived; `collabkit project archive --undo`"),
    (errors.UnknownOperation("fly", "rm, ls"), "no operation 'fly'; there are rm, ls"),
    (errors.InvalidArguments("rm", "no name"), "rm: no name"),
    (errors.OperationFailed("rm", "SessionNotFound", "no"), "rm: no (SessionNotFound)"),
    (errors.AccessDenied("user:a", "write", "n"), "user:a may not write n"),
    (errors.AccessDenied("user:a", "write", "n", "read-only"), "user:a may not write n: read-"),
    (errors.InvalidToken("expired"), "invalid token: expired"),
    (errors.InvalidPolicy("line 7", "no action 'fly'"), "line 7: no action 'fly'"),
    (errors.UnsupportedByEngine("casbin", "who can"), "the access engine casbin cannot say who"),
    (errors.NotACollabFile("a.db", "no header"), "a.db is not a collabkit file: no header"),
    (errors.SchemaTooNew("a.db", 3, 2), "a.db has schema 3, this version reads up to 2: upgrade"),
    (errors.FileHeld("a.db", 12, "box"), "a.db is held by process 12 on box: connect"),
    (errors.FileHeld("a.db", 12, "box", "stopped"), "a.db is held by process 12 on box (stopped):"),
    (errors.FileHeld("a.db", None, None), "a.db is held by another process: connect"),
    (errors.Corrupt("a.db", "row 1", "crc"), "a.db is damaged at row 1: crc. `collabkit verify"),
    (errors.CannotWrite("a.db", "disk full"), "cannot write a.db: disk full"),
    (errors.Conflict("plan", 1, 2), "plan has version 2, expected 1: read it again"),
    (errors.OtherLineage("main", "ab", "cd"), "'main' here has lineage ab, there cd: they are"),
]

HEADINGS = {
    errors.CollabError,
    errors.ProtocolError,
    errors.LocalProtocolError,
    errors.RemoteProtocolError,
    errors.DocumentError,
    errors.EngineError,
    errors.SessionError,
    errors.OperationError,
    errors.AccessError,
    errors.StoreError,
}


@pytest.mark.parametrize(
    ("error", "says"), MESSAGES, ids=[type(error).__name__ for error, _ in MESSAGES]
)
def test_a_message_is_made_of_the_fields(error: errors.CollabError, says: str) -> None:
    """An exception says in words what its attributes say to a program."""
    assert str(error).startswith(says)


def test_every_exception_has_a_row_here() -> None:
    """No class of the tree is without a tested message."""
    assert set(CLASSES) - HEADINGS == {type(error) for error, _ in MESSAGES}


@pytest.mark.parametrize("error", [e for e, _ in MESSAGES], ids=lambda e: type(e).__name__)
def test_fields_are_identifiers_and_primitives(error: errors.CollabError) -> None:
    """An exception holds on to nothing big: its fields are text, numbers or None."""
    assert vars(error)
    for value in vars(error).values():
        assert all(
            isinstance(each, str | int | None)
            for each in (value if isinstance(value, tuple) else (value,))
        )


@pytest.mark.parametrize("error", [e for e, _ in MESSAGES], ids=lambda e: type(e).__name__)
def test_an_exception_survives_a_process_boundary(error: errors.CollabError) -> None:
    """Pickled or copied, an exception keeps its class, message and fields."""
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is type(error)
        assert str(twin) == str(error)
        assert vars(twin) == vars(error)


def test_the_drawing_is_the_tree() -> None:
    """The head of the module draws every class under its parent, and no other."""
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in inspect.getdoc(errors).splitlines():  # type: ignore[union-attr]
        found = re.match(r"    ([│├└─ ]*)(\w+)(?: |$)", line)
        if found is None or found[2] not in errors.__all__:
            continue
        depth = len(found[1]) // 4
        path[depth:] = [found[2]]
        drawn[found[2]] = path[depth - 1] if depth else "Exception"
    real = {kind.__name__: kind.__mro__[1].__name__ for kind in CLASSES}
    assert drawn == real


def test_a_broken_protocol_is_always_somebodys_fault() -> None:
    """ProtocolError cannot be raised without saying whose it is."""
    with pytest.raises(TypeError, match="abstract"):
        errors.ProtocolError()


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.ValueNotStorable, ValueError),
        (errors.OutOfRange, IndexError),
        (errors.WrongRoot, TypeError),
        (errors.InvalidName, ValueError),
        (errors.SessionNotFound, LookupError),
        (errors.UnknownOperation, LookupError),
        (errors.InvalidArguments, ValueError),
        (errors.AccessDenied, PermissionError),
    ],
)
def test_an_exception_is_the_builtin_it_fits(
    error: type[errors.CollabError], builtin: type[Exception]
) -> None:
    """Code that knows nothing of collabkit catches what it would catch anyway."""
    assert issubclass(error, builtin)
