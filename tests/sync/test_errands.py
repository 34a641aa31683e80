"""Operations that a replica has asked for."""

from __future__ import annotations

import pytest

from collabkit.errors import InvalidArguments, MalformedBytes, OperationFailed, UnknownOperation
from collabkit.sync.errands import Errands, outcome
from collabkit.sync.messages import Result


async def test_a_result_finds_its_call() -> None:
    """Each call has a number and a key of its own, and gets its own result, once."""
    errands = Errands()
    one, first = errands.begin("versions", {"a": 1}, None)
    two, second = errands.begin("versions", {}, "key")
    assert one.id != two.id
    assert one.key != two.key == "key"
    for body in (b"1", b"2"):
        errands.answered(Result(two.id, True, "", body))
    assert second.result().body == b"1"
    assert not first.done()
    errands.end(one)
    errands.answered(Result(one.id, True, "", b"late"))
    assert not first.done()


async def test_arguments_must_be_json() -> None:
    """What no relay could read is refused here."""
    with pytest.raises(InvalidArguments):
        Errands().begin("versions", {"a": object()}, None)


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (Result(1, False, "UnknownOperation", b'"no"'), UnknownOperation),
        (Result(1, False, "SessionBusy", b'"in use"'), OperationFailed),
        (Result(1, True, "", b"no json"), MalformedBytes),
    ],
)
def test_what_went_wrong_is_raised(result: Result, error: type[Exception]) -> None:
    """A result that tells of a failure is one here, too."""
    with pytest.raises(error):
        outcome("versions", result)
