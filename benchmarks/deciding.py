"""Who may do what: questions a second, beside pycasbin and Cedar on the same rules and questions.

The world: ten rules a project, on three roles that inherit each other, two of them denials; two
people a project, each with a role in three projects. Each engine is written for as its own manual
does it best: pycasbin's matcher tests what is cheap first, and its FastEnforcer is given the exact
project of each question; Cedar's policies and entities are parsed once, and resources are in
folders. All answers must be equal, or there is no figure.

What is measured is processor time. Engines that look at every rule are asked for as long as their
share of time lasts; ours is asked everything: first each question for the first time in a policy
that was just loaded, then all again.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cases import Figures
from peers import Missing

from collabkit.access.control import AccessControl
from collabkit.access.policy import Drop, Policy, Put
from collabkit.access.rules import Effect, Fact, Grant, Permission, Role
from collabkit.store.sqlite import SQLiteStore

SIZES = (10, 1_000, 10_000)
QUESTIONS = 4_000
GRANTS = 100_000
PASSES = 25

NOW = 1.0

ROLES = ("viewer", "editor", "admin")
RULES: tuple[tuple[str, str, str, Effect], ...] = (
    ("viewer", "docs", "read", "allow"),
    ("viewer", "ops", "read", "allow"),
    ("viewer", "talk", "read", "allow"),
    ("editor", "docs", "write", "allow"),
    ("editor", "talk", "write", "allow"),
    ("editor", "docs", "delete", "allow"),
    ("editor", "talk", "delete", "deny"),
    ("admin", "docs", "admin", "allow"),
    ("admin", "ops", "execute", "allow"),
    ("admin", "talk", "read", "deny"),
)
AREAS = ("docs", "ops", "talk")
ACTIONS = ("read", "write", "delete", "execute", "admin")


class Question(NamedTuple):
    subject: str
    action: str
    project: str
    area: str
    name: str

    @property
    def path(self) -> str:
        return f"/projects/{self.project}/{self.area}/{self.name}"


class World:
    """Rules, who has which role where, and what is asked."""

    def __init__(self, rules: int, questions: int) -> None:
        dice = random.Random(rules)
        self.projects = [f"p{number}" for number in range(rules // len(RULES))]
        self.subjects = [f"user:{number}" for number in range(2 * len(self.projects))]
        self.held = [
            (subject, role, dice.choice(self.projects))
            for subject in self.subjects
            for role in ROLES
        ]
        at_home = [(subject, project) for subject, _, project in self.held]
        anywhere = list(itertools.product(self.subjects[:100], self.projects[:100]))
        self.questions = [
            Question(*(subject, dice.choice(ACTIONS), project, dice.choice(AREAS), f"x{number}"))
            for number in range(questions)
            for subject, project in [dice.choice(at_home if number % 10 < 7 else anywhere)]
        ]

    def facts(self) -> list[Fact]:
        roles: list[Fact] = [
            Role(
                f"{project}-{role}",
                tuple(
                    Permission(f"/projects/{project}/{area}/**", action, (), effect)  # type: ignore[arg-type]
                    for holder, area, action, effect in RULES
                    if holder == role
                ),
                (f"{project}-{ROLES[place - 1]}",) if place else (),
            )
            for project in self.projects
            for place, role in enumerate(ROLES)
        ]
        held = dict.fromkeys(self.held)
        return [
            *roles,
            *(Grant(f"{s} {r} {p}", s, f"{p}-{r}") for s, r, p in held),
        ]


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def asked(
    world: World, ask: Callable[[Question], bool], right: Sequence[bool], budget_s: float
) -> float:
    """Questions a second, of as many as there is time for, whose answers all have to be right."""
    began = time.process_time()
    answers = []
    for number, question in enumerate(world.questions):
        answers.append(ask(question))
        if number % 8 == 7 and time.process_time() - began > budget_s:
            break
    seconds = time.process_time() - began
    wrong = [q for q, given, answer in zip(world.questions, answers, right) if given != answer]  # noqa: B905
    assert not wrong, f"{len(wrong)} answers differ, the first of {wrong[0]}"
    return len(answers) / seconds


def ours(world: World) -> tuple[list[bool], dict[str, float]]:
    """Our answers, and what they took."""
    load_s, policy = timed(lambda: Policy.load(world.facts()))
    check = policy.check
    questions = [(question.subject, question.action, question.path) for question in world.questions]

    def everything() -> list[bool]:
        return [check(*question, now=NOW) for question in questions]

    first_s, right = timed(everything)
    again_s, answers = timed(lambda: [everything() for _ in range(PASSES)])
    assert all(each == right for each in answers)
    who_s, _ = timed(lambda: policy.who_can("write", questions[0][2], now=NOW))
    after_s, _ = timed(lambda: [policy.who_can("write", q[2], now=NOW) for q in questions[:100]])
    return right, {
        "load_ms": load_s * 1e3,
        "ours_first_per_s": len(questions) / first_s,
        "ours_again_per_s": PASSES * len(questions) / again_s,
        "who_can_first_ms": who_s * 1e3,
        "who_can_us": after_s * 1e6 / 100,
        "allowed_share": sum(right) / len(right),
    }


_CASBIN = """
[request_definition]
r = sub, dom, obj, act
[policy_definition]
p = sub, dom, obj, act, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = r.act == p.act && r.dom == p.dom && keyMatch(r.obj, p.obj) && g(r.sub, p.sub)
"""


def casbin(world: World, *, fast: bool) -> Callable[[Question], bool]:
    try:
        import casbin as library  # noqa: PLC0415 - whoever measures the rest may not have it
    except ImportError:
        raise Missing("pip install collabkit[casbin]") from None
    key = [1, 3] if fast else None  # of a rule and of a question: the project and the action
    model = library.FastModel(key) if fast else library.Model()
    model.load_model_from_text(_CASBIN)
    enforcer = library.FastEnforcer(model, cache_key_order=key) if fast else library.Enforcer(model)
    policy = enforcer.model["p"]["p"].policy
    for project in world.projects:
        for role, area, action, effect in RULES:
            # What `add_policy` does in the end; before that FastEnforcer lists all rules each time.
            policy.append(
                [f"{project}-{role}", project, f"/projects/{project}/{area}/*", action, effect]
            )
    for project in world.projects:
        for lower, higher in itertools.pairwise(ROLES):
            enforcer.add_grouping_policy(f"{project}-{higher}", f"{project}-{lower}")
    for subject, role, project in dict.fromkeys(world.held):
        enforcer.add_grouping_policy(subject, f"{project}-{role}")

    def ask(question: Question) -> bool:
        subject, action, project, _, _ = question
        return bool(enforcer.enforce(subject, project, question.path, action))

    return ask


def cedar(world: World) -> Callable[[Question], bool]:
    try:
        import cedarpy  # noqa: PLC0415 - whoever measures the rest may not have it
    except ImportError:
        raise Missing("pip install collabkit[cedar]") from None
    words: dict[Effect, str] = {"allow": "permit", "deny": "forbid"}
    policies = cedarpy.PolicySet.from_str(
        "\n".join(
            f'{words[effect]}(principal in Role::"{project}-{role}", action == Action::"{action}",'
            f' resource in Folder::"/projects/{project}/{area}");'
            for project in world.projects
            for role, area, action, effect in RULES
        )
    )
    parents: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for project in world.projects:
        for lower, higher in itertools.pairwise(ROLES):
            parents[("Role", f"{project}-{higher}")] = [("Role", f"{project}-{lower}")]
    for subject, role, project in dict.fromkeys(world.held):
        parents.setdefault(("User", subject), []).append(("Role", f"{project}-{role}"))
    for question in world.questions:
        folder = ("Folder", f"/projects/{question.project}/{question.area}")
        parents[("Path", question.path)] = [folder]
    entities = cedarpy.Entities.from_json_str(
        json.dumps(
            [
                {
                    "uid": {"type": kind, "id": name},
                    "attrs": {},
                    "parents": [{"type": each, "id": above} for each, above in up],
                }
                for (kind, name), up in parents.items()
            ]
        )
    )

    def ask(question: Question) -> bool:
        request = {
            "principal": f'User::"{question.subject}"',
            "action": f'Action::"{question.action}"',
            "resource": f'Path::"{question.path}"',
            "context": {},
        }
        return bool(cedarpy.is_authorized(request, policies, entities).allowed)

    return ask


def compared(rules: int, questions: int, budget_s: float) -> Figures:
    """One size of world, asked of all; rates, and ours to the faster of those that are compared."""
    world = World(rules, questions)
    right, figures = ours(world)
    rates = {
        "casbin_per_s": asked(world, casbin(world, fast=False), right, budget_s),
        "casbin_fast_per_s": asked(world, casbin(world, fast=True), right, budget_s),
        "cedar_per_s": asked(world, cedar(world), right, budget_s),
    }
    faster = max(rates["casbin_per_s"], rates["cedar_per_s"])
    figures |= rates
    figures["first_times_faster"] = figures["ours_first_per_s"] / faster
    figures["again_times_faster"] = figures["ours_again_per_s"] / faster
    figures["again_times_casbin_fast"] = figures["ours_again_per_s"] / rates["casbin_fast_per_s"]
    return {f"{rules}_{name}": value for name, value in figures.items()}


def bulk(grants: int) -> Figures:
    """That many grants in one change of a policy, and what comes after it."""
    role = Role("editor", (Permission("/projects/**", "write"),))
    puts = [
        Put(Grant(str(n), f"user:{n}", "editor", scope=f"/projects/{n % 1000}"))
        for n in range(grants)
    ]
    empty = Policy.load([role])
    grant_s, full = timed(lambda: empty.changed(puts, epoch=1))
    one_s, _ = timed(lambda: full.changed([Put(Grant("one", "user:1", "editor"))], epoch=2))
    who_s, _ = timed(lambda: full.who_can("write", "/projects/7/x", now=NOW))
    again_s, holders = timed(lambda: full.who_can("write", "/projects/7/x", now=NOW))
    assert len(holders.subjects) == len(range(7, grants, 1000))
    paths = [f"/projects/{n % 1000}/{n}" for n in range(10_000)]
    filter_s, kept = timed(lambda: full.filter("user:7", "write", paths, now=NOW))
    assert len(kept) == 10
    drop_s, none = timed(
        lambda: full.changed([Drop("grant", str(n)) for n in range(grants)], epoch=2)
    )
    assert none.facts() == (role,)
    return {
        "grants": grants,
        "grant_all_s": grant_s,
        "grant_one_more_ms": one_s * 1e3,
        "revoke_all_s": drop_s,
        "who_can_first_ms_of_all": who_s * 1e3,
        "who_can_ms_of_all": again_s * 1e3,
        "filter_us_per_path": filter_s * 1e6 / len(paths),
    }


async def stored(grants: int) -> Figures:
    """The same in one transaction of a file, audited: the clock, since a thread writes."""
    with tempfile.TemporaryDirectory() as folder:
        async with (
            SQLiteStore.open(Path(folder) / "access.db") as store,
            AccessControl(store) as access,
        ):
            began = time.perf_counter()
            async with access.transaction(reason="all at once") as changes:
                changes.put_role(Role("editor", (Permission("/projects/**", "write"),)))
                changes.grant_many(
                    Grant(str(n), f"user:{n}", "editor", scope=f"/projects/{n % 1000}")
                    for n in range(grants)
                )
            seconds = time.perf_counter() - began
            assert access.check("user:7", "write", "/projects/7/x")
    return {"transaction_waited_s": seconds}


async def access(scale: float) -> Figures:
    """Who may do what: 10, 1,000 and 10,000 rules asked of all engines; 100,000 grants at once."""
    sizes = SIZES if scale >= 1 else SIZES[:2]
    questions, grants = max(400, int(QUESTIONS * scale)), max(2_000, int(GRANTS * scale))
    figures: Figures = {}
    for rules in sizes:
        figures |= await asyncio.to_thread(compared, rules, questions, max(0.1, 3 * scale))
    return {**figures, **bulk(grants), **await stored(grants)}


DECIDING = {"access": access}
