"""The scan: it reads what real documents hold, and refuses the rest with a code."""

from __future__ import annotations

import contextlib
from typing import Any

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collabkit.crdt.budget import NO_BUDGET, REFUSALS, Budget
from collabkit.crdt.lib0 import var_string
from collabkit.crdt.scan import Scan, Section, _typed, _Walk, scan
from collabkit.errors import MalformedBytes, UpdateRefused
from crdt.crafting import gc, item, shared, skip, string, update, values

NULL = b"\x7e"
A, B = 7, 4_000_000_000


def refusal(data: bytes, budget: Budget = NO_BUDGET) -> str:
    """The code with which an update is refused."""
    with pytest.raises(UpdateRefused) as refused:
        scan(data, budget)
    return refused.value.code


# What is found


def test_a_scan_tells_what_an_update_brings_and_needs() -> None:
    """Sections with their byte ranges, deletes, and what must be there already."""
    structs = [string("hé", origin=(B, 4)), string("x", origin=(A, 4), right=(9, 0))]
    data = update(
        (A, 3, structs), (B, 0, [string("y", root="t")]), deletes={A: [(1, 2)], 9: [(5, 1)]}
    )
    found = scan(data)
    first, second = found.sections
    assert (first.client, first.clock, first.length, first.structs) == (A, 3, 3, 2)
    assert data[first.start : first.stop] == b"".join(structs)
    assert (second.client, second.clock, second.length) == (B, 0, 1)
    assert found.deletes == ((A, 1, 2), (9, 5, 1))
    assert found.needs == {A: 3, B: 5, 9: 6}
    assert data[found.deletes_start :] == update(deletes={A: [(1, 2)], 9: [(5, 1)]})[1:]
    assert not found.plain
    assert not found.holes


def test_what_the_update_brings_itself_is_not_needed() -> None:
    """Origins, parents and deletes inside the update's own sections need nothing more."""
    data = update(
        (A, 0, [shared(1, root="m", key="k"), values(NULL, parent=(A, 0), key="x")]),
        (B, 0, [string("abc", root="t"), string("d", origin=(B, 2), right=(A, 1))]),
        deletes={B: [(0, 4)], A: [(0, 2)]},
    )
    assert scan(data).needs == {}


def test_a_hole_must_be_known_before_what_lies_behind_it() -> None:
    """A Skip needs the document to have what it skips."""
    found = scan(update((A, 2, [string("a", origin=(A, 1)), skip(4), string("b", origin=(A, 6))])))
    assert found.needs == {A: 7}
    assert found.holes


@pytest.mark.parametrize(
    ("struct", "length"),
    [
        (gc(5), 5),
        (item(1, b"\x03", root="t"), 3),
        (item(3, b"\x02\xff\xfe", root="a"), 1),
        (string("a\U0001f600é", root="t"), 4),
        (item(5, b"\x02{}", root="t"), 1),
        (item(6, b"\x04bold\x04true", root="t"), 1),
        (shared(0, root="a"), 1),
        (item(7, b"\x03\x01p", root="x"), 1),
        (shared(6, root="x"), 1),
        (values(NULL, b"\x78", root="a"), 2),
        (item(9, b"\x01g\x76\x00", root="a"), 1),
        (skip(9), 9),
    ],
)
def test_every_content_of_yjs_has_its_length(struct: bytes, length: int) -> None:
    """All kinds of content that clients write, GC and Skip are read, and counted in clocks."""
    assert scan(update((A, 0, [struct]))).sections[0].length == length


@pytest.mark.parametrize(
    ("data", "plain"),
    [
        (update((A, 0, [string("a", root="t")])), True),
        (update((A, 0, [string("a", root="m", key="k")])), True),
        (update((A, 1, [string("a", origin=(A, 0), right=(B, 0))])), True),
        (update((A, 0, [values(NULL, root="m", key="k")])), True),
        (update((A, 1, [values(NULL, origin=(A, 0), key="k")]), deletes={A: [(0, 1)]}), True),
        (update(deletes={A: [(0, 1)]}), True),
        (update(), False),
        (update((A, 0, [string("a", parent=(B, 0))])), False),
        (update((A, 0, [values(b"\x75\x00", root="a")])), False),
        (update((A, 0, [values(b"\x74\x00", root="a")])), False),
        (update((A, 0, [values(NULL, NULL, root="a")])), False),
        (update((A, 0, [shared(1, root="a")])), False),
        (update((A, 0, [gc(1)])), False),
        (update((A, 0, [item(6, b"\x01b\x04true", root="t")])), False),
        (update((A, 0, [string("a", root="t"), string("b", origin=(A, 0))])), False),
        (update((A, 0, [string("a", root="t")]), (B, 0, [string("b", root="t")])), False),
    ],
)
def test_plain_is_one_string_or_scalar_or_deletions(data: bytes, plain: bool) -> None:
    """Only the most harmless edits may go ahead of their verdict."""
    assert scan(data).plain is plain


def test_items_that_name_a_root_are_found() -> None:
    """The scan keeps where they start."""
    first, second = string("a", root="t"), shared(1, root="m", key="k")
    data = update((A, 0, [first, string("b", origin=(A, 0)), second]))
    assert [
        data[at:].startswith(struct)
        for at, struct in zip(scan(data).named, (first, second), strict=True)
    ] == [True, True]


# What is refused


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("unknown-content", update((A, 0, [item(11, b"", root="t")]))),
        ("unknown-content", update((A, 0, [item(31, b"", root="t")]))),
        ("unknown-content", update((A, 1, [item(0, b"\x01", origin=(A, 0))]))),
        ("unknown-content", update((A, 1, [item(10, b"\x01", origin=(A, 0))]))),
        ("unknown-type", update((A, 0, [shared(7, root="t")]))),
        ("misread-content", update((A, 0, [item(2, b"\x01\x04null", root="a")]))),
        ("misread-content", update((A, 0, [item(7, b"\x05\x04hook", root="x")]))),
        ("clock-out-of-range", update((A, 2**31 - 1, [string("ab", origin=(A, 0))]))),
        ("clock-out-of-range", update((A, 2**31 - 1, [string("é" * 2, origin=(A, 0))]))),
        ("clock-out-of-range", update((A, 0, [gc(2**31 + 1)]))),
        ("clock-out-of-range", update((A, 0, [string("a", origin=(B, 2**31))]))),
        ("clock-out-of-range", update(deletes={A: [(0, 2**32)]})),
        ("zero-length", update((A, 0, []))),
        ("zero-length", update((A, 0, [gc(0)]))),
        ("zero-length", update((A, 0, [skip(0)]))),
        ("zero-length", update((A, 0, [string("", root="t")]))),
        ("zero-length", update((A, 1, [string("", origin=(A, 0))]))),
        ("zero-length", update((A, 0, [values(root="a")]))),
        ("zero-length", update((A, 0, [item(1, b"\x00", root="t")]))),
        ("zero-length", update(deletes={A: [(0, 0)]})),
        ("future-origin", update((A, 0, [string("a", origin=(A, 0))]))),
        ("future-origin", update((A, 5, [string("a", origin=(A, 4), right=(A, 9))]))),
        ("future-origin", update((A, 5, [shared(1, parent=(A, 5), key="k")]))),
        ("repeated-client", update((A, 0, [gc(1)]), (A, 1, [gc(1)]))),
        ("trailing-bytes", update((A, 0, [string("a", root="t")])) + b"\x00"),
        ("trailing-bytes", update((A, 1, [string("a", origin=(A, 0))])) + b"\x00"),
        ("trailing-bytes", update() + b"\x01"),
    ],
)
def test_what_no_honest_client_sends_is_refused(code: str, data: bytes) -> None:
    """Each rule has its code, which programs can rely on."""
    assert refusal(data) == code


@pytest.mark.parametrize(
    ("code", "budget", "data"),
    [
        ("too-large", Budget(message_bytes=11), update((A, 0, [string("hi", root="t")]))),
        ("too-many-structs", Budget(structs=2), update((A, 0, [gc(1)] * 3))),
        ("too-many-structs", Budget(structs=2), update((A, 0, [gc(1)] * 2), (B, 0, [gc(1)]))),
        ("too-many-clients", Budget(clients=1), update((A, 0, [gc(1)]), (B, 0, [gc(1)]))),
        (
            "too-many-deletes",
            Budget(delete_ranges=2),
            update(deletes={A: [(0, 1)] * 2, B: [(0, 1)]}),
        ),
        (
            "too-many-roots",
            Budget(roots=1),
            update((A, 0, [string("a", root="t"), string("a", root="u")])),
        ),
        (
            "too-deep",
            Budget(levels=2),
            update(
                (
                    A,
                    0,
                    [
                        shared(1, root="m", key="k"),
                        *(shared(1, parent=(A, n), key="k") for n in (0, 1)),
                    ],
                )
            ),
        ),
    ],
)
def test_a_budget_bounds_each_amount(code: str, budget: Budget, data: bytes) -> None:
    """One more than the budget is refused, and the same under no budget is read."""
    assert refusal(data, budget) == code
    assert isinstance(scan(data, NO_BUDGET), Scan)


def test_shared_types_side_by_side_are_not_deep() -> None:
    """A thousand maps in an array lie beside each other, each with a map inside."""
    structs = [shared(1, root="a")]
    for clock in range(1, 2000, 2):
        structs += (shared(1, parent=(A, clock - 1), key="k"), shared(1, origin=(A, clock - 1)))
    assert scan(update((A, 0, structs))).sections[0].length == 2001


def test_every_refusal_is_a_sentence() -> None:
    """The code is a word of the table, and the reason fills in its amount."""
    with pytest.raises(UpdateRefused) as refused:
        scan(b"\x00\x00" * 50, Budget(message_bytes=99))
    assert (refused.value.code, refused.value.reason) == (
        "too-large",
        "the update is larger than 99 bytes",
    )
    assert all(
        sentence[0].islower() and sentence.count("{}") == 1 for sentence in REFUSALS.values()
    )


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x01",
        b"\x01\x01",
        b"\x01\x01\x07\x00\x04",
        b"\x01\x01\x07\x00\x04\x02\x01t\x01a\x00",
        update((A, 1, [string("hello", origin=(A, 0))]))[:-3],
        update((A, 0, [string("a", root="t")]))[:-1],
        b"\x01\x01\x07\x01\x84\x07\x00\x02\xc3\x28\x00",
        update((A, 0, [item(5, var_string("nope"), root="t")])),
        update((A, 0, [item(6, var_string("b") + var_string("["), root="t")])),
        update((A, 0, [values(b"\x73", root="a")])),
        update((A, 0, [values(b"\x75\x01" * 65 + NULL, root="a")])),
        b"\x01\x01\x80\x80\x80\x80\x80\x80\x80\x10\x00\x04\x01\x01t\x03abc\x00",
        b"\x00\xff\xff\xff\xff\x0f",
    ],
)
def test_what_is_no_update_is_malformed(data: bytes) -> None:
    """Cut, ill-coded or over-nested bytes are told apart from refusals."""
    with pytest.raises(MalformedBytes):
        scan(data)


# The short way for typing

IDS = st.sampled_from([A, B, 300])
NEAR = st.integers(0, 300)
TYPED = st.builds(
    lambda client, clock, text, origin, right, deletes: update(
        (
            client,
            clock,
            [string(text, origin=origin, right=right, root=None if origin or right else "t")],
        ),
        deletes=deletes,
    ),
    IDS,
    NEAR,
    st.sampled_from(["", "a", "é", "a" * 200]),
    st.none() | st.tuples(IDS, NEAR),
    st.none() | st.tuples(IDS, NEAR),
    st.sampled_from([{}, {A: [(0, 1)]}]),
)


@given(TYPED, st.data())
def test_the_short_way_decides_as_the_long_one(data: bytes, draw: st.DataObject) -> None:
    """What `_typed` takes, the full walk takes, and finds the same in it."""
    at = draw.draw(st.integers(0, len(data) - 1))
    data = draw.draw(
        st.sampled_from(
            [data, data[:at] + bytes((draw.draw(st.integers(0, 255)),)) + data[at + 1 :]]
        )
    )
    try:
        short = _typed(data)
    except (MalformedBytes, IndexError):
        short = None
    if short is not None:
        walk = _Walk(data, NO_BUDGET)
        sections = walk.sections()
        start, deletes = walk.at, walk.deletes()
        needs = walk.needs(sections)
        sections = tuple(replace(section, links=None) for section in sections)
        assert short == Scan(sections, deletes, needs, True, False, start)
        assert walk.at == len(data)
        assert walk.is_plain(sections[0])


def test_typing_takes_the_short_way() -> None:
    """A letter beside known ones is read without a walk."""
    data = update((A, 1, [string("a", origin=(A, 0))]))
    assert _typed(data) == Scan((Section(A, 1, 1, 4, 9, 1),), (), {A: 1}, True, False, 9)


# Whole documents, and bombs


def test_a_document_of_six_megabytes_passes() -> None:
    """560,000 runs of two authors and 100,000 deletions fit the default budget."""
    clients = (4_000_000_000, 3_000_000_000)
    sections = []
    for own, other in (clients, clients[::-1]):
        structs = [string("a", origin=(other, clock)) for clock in range(280_000)]
        sections.append((own, 0, structs))
    data = update(*sections, deletes={clients[0]: [(clock, 1) for clock in range(0, 200_000, 2)]})
    size = len(data)
    assert size > 6_000_000
    assert sum(section.structs for section in scan(data).sections) == 560_000


def test_a_document_may_nest_deeper_than_any_of_its_updates() -> None:
    """What was taken level by level is readable as a whole, when the log is read back."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    inner: Any = pycrdt.Map()
    doc["m"] = inner
    for _ in range(100):
        before = doc.get_state()
        inner["down"] = pycrdt.Map()
        inner = inner["down"]
        scan(doc.get_update(before))
    assert scan(doc.get_update(), NO_BUDGET).sections
    with pytest.raises(UpdateRefused, match="too-deep"):
        scan(doc.get_update())


def test_bombs_are_refused() -> None:
    """Nested values and types, and one key set by too many authors, go no further."""
    nested = update((9, 0, [values(b"\x75\x01" * 27_000 + NULL, root="t")]))
    chain = update(
        (
            9,
            0,
            [
                shared(1, root="m", key="k"),
                *(shared(1, parent=(9, n), key="k") for n in range(20_000)),
            ],
        )
    )
    crowd = update(*((client, 0, [values(NULL, root="m", key="k")]) for client in range(1, 20_001)))
    with pytest.raises(MalformedBytes, match="nest deeper than 64"):
        scan(nested)
    assert refusal(chain, Budget()) == "too-deep"
    assert refusal(crowd, Budget()) == "too-many-clients"


@given(st.binary(max_size=200))
def test_the_scan_is_total(data: bytes) -> None:
    """Whatever the bytes, it is a scan or one of two errors."""
    with contextlib.suppress(MalformedBytes, UpdateRefused):
        assert sum(section.structs for section in scan(data).sections) <= len(data)
