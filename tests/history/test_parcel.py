"""Parts in a zip: what is read is what was written, or a sentence."""

from __future__ import annotations

import hashlib
import json
import os
import random
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from collabkit.errors import CannotWrite, NotACollabFile
from collabkit.history import parcel
from collabkit.history.parcel import MANIFEST, Parcel, packing

PARTS = {"a": b"alpha" * 100, "deep/b": bytes(range(256)) * 400, "empty": b""}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where a parcel goes."""
    return tmp_path / "out.collab"


def pack(out: Path, parts: Mapping[str, bytes] = PARTS) -> None:
    """Write some parts."""
    with packing(out) as file:
        for name, content in parts.items():
            file.add(name, [content[:7], content[7:]])
        file.seal({"said": "so"})


def read(path: Path) -> dict[str, bytes]:
    """Read all parts."""
    with Parcel(path) as found:
        return {name: found.read(name) for name in found.parts}


def forged(out: Path, parts: Mapping[str, bytes], listed: Mapping[str, bytes] = {}) -> None:
    """Write a zip whose manifest lists other parts than there are, or other contents."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in parts.items():
            file.writestr(name, content)
        sums = {
            name: {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
            for name, content in (listed or parts).items()
        }
        file.writestr(MANIFEST, json.dumps({"parts": sums}))


def test_what_is_read_is_what_was_written(out: Path) -> None:
    """Whatever a part is called, and however it is cut."""
    pack(out)
    assert read(out) == PARTS
    with Parcel(out) as found:
        assert json.loads(found.manifest)["said"] == "so"


def test_equal_parts_make_equal_files(out: Path) -> None:
    """No clock and no dice are in it."""
    pack(out)
    first = out.read_bytes()
    out.unlink()
    pack(out)
    assert out.read_bytes() == first


def test_every_damage_is_told(out: Path, seed: int) -> None:
    """Wherever a bit is flipped or the file is cut, what was written is read, or a sentence."""
    pack(out)
    whole, dice, told = out.read_bytes(), random.Random(seed), 0
    for number in range(120):
        hurt = bytearray(whole)
        if number % 3:
            hurt[dice.randrange(len(hurt))] ^= 1 << dice.randrange(8)
        else:
            del hurt[dice.randrange(len(hurt)) :]
        out.write_bytes(hurt)
        try:
            found = read(out)
        except NotACollabFile:
            told += 1
        else:
            assert found == PARTS
    assert told > 80


@pytest.mark.parametrize("content", [b"", b"PK", b"x" * 100, b"SQLite format 3\0" + bytes(100)])
def test_other_files_are_told(out: Path, content: bytes) -> None:
    """What is no zip, or not even a file with an end."""
    out.write_bytes(content)
    with pytest.raises(NotACollabFile, match="it does not end as one"):
        read(out)


def test_other_zips_are_told(out: Path) -> None:
    """A zip of something else has no manifest."""
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("word/document.xml", "<w/>")
    with pytest.raises(NotACollabFile, match=r"manifest\.json"):
        read(out)


@pytest.mark.parametrize("end", [b"\xff\xff", b"\x61\xea"])
def test_a_zip_with_too_many_entries_is_not_looked_through(out: Path, end: bytes) -> None:
    """The end of it tells, before its directory takes memory."""
    pack(out)
    whole = out.read_bytes()
    out.write_bytes(whole[:-12] + end + whole[-10:])
    with pytest.raises(NotACollabFile, match="too many parts"):
        read(out)


def test_a_zip_of_the_larger_format_is_not_looked_through(out: Path) -> None:
    """There the true count could be anywhere."""
    pack(out)
    whole = out.read_bytes()
    out.write_bytes(whole[:-22] + b"PK\x06\x07" + bytes(16) + whole[-22:])
    with pytest.raises(NotACollabFile, match="too many parts"):
        read(out)


def test_no_part_is_larger_than_it_says(out: Path) -> None:
    """A part that inflates without end is read as far as its manifest says, and told."""
    forged(out, {"a": bytes(50 << 20)}, {"a": bytes(1000)})
    with Parcel(out) as found, pytest.raises(NotACollabFile, match="a is larger than 1000 bytes"):
        next(found.pieces("a"))


def test_parts_are_bounded_together(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest that claims more than any session has is not read on, nor written."""
    pack(out)
    monkeypatch.setattr(parcel, "MAX_BYTES", 1000)
    with pytest.raises(NotACollabFile, match="larger than 1000 bytes"):
        read(out)
    out.unlink()
    with pytest.raises(CannotWrite, match="more than 500 bytes"):
        pack(out)
    assert os.listdir(out.parent) == []


@pytest.mark.parametrize(
    ("there", "listed", "told"),
    [
        ({"a": b"1", "../b": b"2"}, {"a": b"1"}, "its parts are not those"),
        ({"a": b"1"}, {"a": b"1", "b": b"2"}, "its parts are not those"),
        ({"a": b"1"}, {"a": b"1", MANIFEST: b"2"}, "its parts are not those"),
        ({"a": b"1"}, {"a": b"2"}, "a is not what the manifest says"),
        ({"a": b"1"}, {"a": b"12"}, "a is not what the manifest says"),
        ({"a": b"12"}, {"a": b"1"}, "a is larger than 1 bytes"),
    ],
)
def test_the_manifest_is_of_these_parts(
    out: Path, there: dict[str, bytes], listed: dict[str, bytes], told: str
) -> None:
    """Not one more, one less, or another."""
    forged(out, there, listed)
    with pytest.raises(NotACollabFile, match=told):
        read(out)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_part_is_there_twice(out: Path) -> None:
    """Two readers could take each another."""
    forged(out, {"a": b"1"})
    with zipfile.ZipFile(out, "a") as file:
        file.writestr("a", b"1")
    with pytest.raises(NotACollabFile, match="its parts are not those"):
        read(out)


@pytest.mark.parametrize("manifest", ["", "[]", '{"parts": 1}', '{"parts": {"a": {}}}', "[" * 9999])
def test_a_manifest_that_is_none_is_told(out: Path, manifest: str) -> None:
    """However wrong it is."""
    with zipfile.ZipFile(out, "w") as file:
        file.writestr(MANIFEST, manifest)
    with pytest.raises(NotACollabFile, match="its manifest cannot be read"):
        read(out)
