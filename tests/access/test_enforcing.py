"""The policy in force, and how another takes its place."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from access.controls import ACME, ADA, ADMIN, BEN, HOST, WRITER, controlling
from collabkit.access.control import AccessControl
from collabkit.access.enforcing import Changed
from collabkit.access.facts import Change, Drop, Put
from collabkit.access.rules import Grant, Membership, Permission, Role
from collabkit.errors import AccessDenied, Conflict, InvalidPolicy, MomentNotFound
from collabkit.store.charter import Amendment, StoredFact


async def test_changes_are_in_force_at_once_and_in_the_file(tmp_path: Path) -> None:
    """Many are one epoch, one line of the audit, and there when the file is opened again."""
    async with controlling(tmp_path) as access:
        assert access.policy.is_empty
        async with access.transaction(reason="a team") as changes:
            changes.put_role(WRITER)
            changes.add_member("group:staff", ADA)
            made = changes.grant("group:staff", "writer", scope=ACME)
        assert changes.epoch == access.policy.epoch == 1
        assert access.check(ADA, "write", ACME)
        assert not access.check(BEN, "write", ACME)
        (line,) = access.lines("access")
        assert (line.subject, line.data["reason"]) == (HOST, "a team")
        assert line.data["put"] == {"grant": 1, "membership": 1, "role": 1}
        assert access.faults() == []
    async with controlling(tmp_path) as access:
        assert access.policy.epoch == 1
        assert access.policy.fact("grant", made.id) == made
        assert access.check(ADA, "write", ACME)


async def test_a_change_that_makes_no_sense_changes_nothing(tmp_path: Path) -> None:
    """All of it is refused, in memory and in the file; an error in the block does the same."""
    async with controlling(tmp_path) as access:
        with pytest.raises(InvalidPolicy):
            await access.grant(ADA, "no such role")
        with contextlib.suppress(ZeroDivisionError):
            async with access.transaction() as changes:
                changes.put_role(WRITER)
                raise ZeroDivisionError
        with pytest.raises(InvalidPolicy):
            await access.revoke("no such grant")
        assert access.policy.is_empty
        assert (await access.file.facts())[0] == 0
        assert access.lines() == []


async def test_who_is_not_the_host_is_asked_whether_he_may(tmp_path: Path) -> None:
    """Nobody gives what he has not; whom the host trusts is not asked, but told of."""
    async with controlling(tmp_path) as access:
        async with access.transaction() as changes:
            changes.put(ADMIN, WRITER)
            changes.grant(ADA, "admin", scope=ACME)
        await access.grant(BEN, "writer", scope=ACME, by=ADA)
        with pytest.raises(AccessDenied):
            await access.grant(BEN, "writer", scope="/projects/other", by=ADA)
        with pytest.raises(AccessDenied):
            await access.grant(BEN, "admin", scope=ACME, by=BEN)
        role = Put(Role("other"))
        assert await access.change([role], by=BEN, trusted=True) == 3
        assert [line.subject for line in access.lines("access")] == [HOST, ADA, BEN]


async def test_who_listens_is_told_for_whom_answers_may_differ(tmp_path: Path) -> None:
    """After the change is in force, until he stops; what fails in one keeps nobody else from it."""
    async with controlling(tmp_path) as access:
        heard: list[Changed] = []

        def fail(_: Changed) -> None:
            raise ZeroDivisionError

        def hear(changed: Changed) -> None:
            assert access.policy.epoch == changed.epoch
            heard.append(changed)

        access.subscribe(fail)
        stop = access.subscribe(hear)
        async with access.transaction() as changes:
            changes.put(WRITER)
            changes.grant(ADA, "writer")
        await access.change([Put(Membership("group:staff", BEN))])
        stop()
        await access.change([Drop("membership", f"group:staff {BEN}")])
    assert [one.epoch for one in heard] == [1, 2]
    assert [ADA in (one.subjects or ()) for one in heard] == [True, False]


async def test_a_change_by_another_hand_is_not_lost(tmp_path: Path) -> None:
    """What somebody else wrote meanwhile is taken over, and one's own is tried again on it."""
    async with controlling(tmp_path) as access:
        other = AccessControl(access.file, clock=access.clock)
        heard: list[Changed] = []
        access.subscribe(heard.append)
        await other.change([Put(WRITER)])
        await access.grant(ADA, "writer")
        assert (access.policy.epoch, access.policy.fact("role", "writer")) == (2, WRITER)
        assert heard[0] == Changed(1, None)
        with pytest.raises(Conflict):
            await other.change([Drop("role", "writer")], expected=1)
        with pytest.raises(Conflict):
            await access.change([Put(Role("late"))], expected=1)
        assert await access.change([Put(Role("timely"))], expected=2) == 3


async def test_two_changes_at_a_time_are_two_epochs(tmp_path: Path) -> None:
    """Each is made for what the other left."""
    async with controlling(tmp_path) as access:
        puts = [access.change([Put(Role(name))]) for name in "abcde"]
        assert sorted(await asyncio.gather(*puts)) == [1, 2, 3, 4, 5]
        assert len(access.policy.facts()) == 5


async def test_who_stops_waiting_does_not_stop_a_change(tmp_path: Path) -> None:
    """What has begun is made, and is in force: memory and file never differ."""
    async with controlling(tmp_path) as access:
        task = asyncio.create_task(access.change([Put(WRITER)]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await access.change([Put(Role("next"))])
        assert access.policy.epoch == (await access.file.facts())[0] == 2


async def test_what_is_there_already_is_no_change(tmp_path: Path) -> None:
    """Nobody is told, and the epoch stays."""
    async with controlling(tmp_path) as access:
        await access.change([Put(WRITER)])
        heard: list[Changed] = []
        access.subscribe(heard.append)
        assert await access.change([Put(WRITER)]) == await access.change([]) == 1
        assert (heard, len(access.lines("access"))) == ([], 1)


async def test_a_file_that_says_what_nobody_understands_is_not_opened(tmp_path: Path) -> None:
    """A policy without the facts that a later version wrote would be another one."""
    async with controlling(tmp_path) as access:
        body = b'{"name":"a","permissions":[{"resource":"/**","action":"fly"}]}'
        await access.file.change_facts(Amendment(0, [StoredFact("role", "a", body)], HOST))
        with pytest.raises(InvalidPolicy, match="role 'a'"):
            await access.load()
    with pytest.raises(InvalidPolicy):
        async with controlling(tmp_path):
            raise AssertionError("never")


async def test_the_file_knows_what_its_conditions_ask_for(tmp_path: Path) -> None:
    """Whoever opens it later understands its rules, whether or not he declares the same."""
    rule = Permission("/**", "read", ("context.age >= 18",))
    async with controlling(tmp_path, attributes={"context.age": "int"}) as access:
        assert access.policy.is_empty
    async with controlling(tmp_path) as access:
        await access.grant(ADA, permission=rule)
    async with controlling(tmp_path, attributes={"context.size": "int"}) as access:
        assert access.check(ADA, "read", ACME, {"context": {"age": 18}})
        await access.grant(BEN, permission=Permission("/**", "read", ("context.size < 9",)))
    async with controlling(tmp_path) as access:
        assert access.check(BEN, "read", ACME, {"context": {"size": 8}})
        await access.file.put("access", "attributes", ["no declaration"])
        with pytest.raises(InvalidPolicy):
            await access.load()


steps = st.lists(
    st.one_of(
        st.builds(
            lambda subject, action, effect: Put(
                Grant(
                    f"{subject} {action}",
                    subject,
                    permission=Permission("/**", action, effect=effect),
                )
            ),
            st.sampled_from([ADA, BEN]),
            st.sampled_from(["read", "write"]),
            st.sampled_from(["allow", "deny"]),
        ),
        st.builds(Drop, st.just("grant"), st.sampled_from([f"{ADA} read", f"{BEN} write"])),
    ),
    max_size=6,
)


@settings(max_examples=8)
@given(steps)
def test_any_epoch_decides_as_it_did(
    tmp_path_factory: pytest.TempPathFactory, history: list[Change]
) -> None:
    """The policy of an epoch, read back, answers as the one that was in force."""
    asked = [(who, what) for who in (ADA, BEN) for what in ("read", "write")]

    def answers(policy: Any) -> list[bool]:
        return [policy.check(who, what, ACME, now=0.0) for who, what in asked]

    async def run() -> None:
        async with controlling(tmp_path_factory.mktemp("epochs")) as access:
            then = [(access.policy.facts(), answers(access.policy))]
            for change in history:
                try:
                    await access.change([change])
                except InvalidPolicy:
                    continue
                if access.policy.epoch == len(then):
                    then.append((access.policy.facts(), answers(access.policy)))
            for epoch, (facts, decided) in enumerate(then):
                policy = await access.at(epoch)
                assert (policy.epoch, set(policy.facts())) == (epoch, set(facts))
                assert answers(policy) == decided
            with pytest.raises(MomentNotFound):
                await access.at(len(then))

    asyncio.run(run())
