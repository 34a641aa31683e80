"""A policy that is read beside its holder."""

from __future__ import annotations

from pathlib import Path

import pytest

from access.controls import ACME, ADA, controlling
from collabkit.access.reading import read_policy
from collabkit.access.rules import Permission
from collabkit.errors import MomentNotFound
from collabkit.store.reader import Reader


async def test_it_is_the_one_in_force(tmp_path: Path) -> None:
    """With what its host declared, as it is and as it was."""
    async with controlling(tmp_path, attributes={"context.age": "int"}) as access:
        rule = Permission("/**", "read", ("context.age >= 18",))
        made = await access.grant(ADA, permission=rule)
        with Reader(access.file.path) as reader:
            policy = read_policy(reader)
            assert (policy.epoch, policy.facts()) == (1, (made,))
            assert policy.check(ADA, "read", ACME, {"context": {"age": 18}}, now=0.0)
            assert read_policy(reader, at=0).is_empty
            with pytest.raises(MomentNotFound):
                read_policy(reader, at=2)
