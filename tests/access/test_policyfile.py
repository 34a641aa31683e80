"""Files of policies: what is in them, and of which line an error tells."""

from __future__ import annotations

import random
import time

import pytest

from collabkit.access.locating import Form
from collabkit.access.policy import Policy
from collabkit.access.policyfile import PolicyFile, form_of
from collabkit.access.policytext import policy_text
from collabkit.access.rules import Confines, Grant, Membership, Permission, Role, Template
from collabkit.errors import InvalidPolicy

FILE = """
[[roles]]
name = "writer"
permissions = [
    { resource = "/projects/*/sessions/*/docs/**", action = "write" },
    { resource = "/**", action = "execute", conditions = [
        "subject.kind == 'user'",
        "now > 5",
    ] },
]

[[roles]]
name = "editor"
inherits = ["writer"]

[[grants]]
id = "ada"
subject = "group:staff"
role = "editor"
not_before = 1970-01-02T00:00:00+01:00
not_after = 90000

[groups]
"group:staff" = ["user:ada",
                 "user:ben"]

[[templates]]
name = "home"

[templates.slots]
project = "name"
not_after = "time"

[[templates.roles]]
name = "at home"

[[templates.roles.permissions]]
resource = "/projects/{project}/**"
action = "read"

[[templates.grants]]
id = "in"
subject = "anyone"
scope = "/projects/{project}"

[[confines]]
session = "/projects/acme/sessions/plan"
join = "closed"
"""


def lines(text: str) -> dict[str, int]:
    """Where something first stands."""
    return {
        line.strip(): number for number, line in reversed(list(enumerate(text.splitlines(), 1)))
    }


LINES = lines(FILE)


def _loaded(text: str) -> Policy:
    read = PolicyFile(text.encode(), name="policy.toml")
    with read.pointing():
        return Policy.load(read.facts)


def test_a_file_is_facts() -> None:
    """All parts of a file become the facts that they say, moments as seconds."""
    conditions = ("subject.kind == 'user'", "now > 5")
    writer = Role(
        "writer",
        (
            Permission("/projects/*/sessions/*/docs/**", "write"),
            Permission("/**", "execute", conditions),
        ),
    )
    at_home = Role("at home", (Permission("/projects/{project}/**", "read"),))
    read = PolicyFile(FILE.encode(), name="policy.toml")
    assert read.facts == (
        writer,
        Role("editor", (), ("writer",)),
        Grant("ada", "group:staff", role="editor", not_before=82800, not_after=90000),
        Membership("group:staff", "user:ada"),
        Membership("group:staff", "user:ben"),
        Template(
            "home",
            {"project": "name", "not_after": "time"},
            (at_home,),
            (Grant("in", "anyone", scope="/projects/{project}"),),
        ),
        Confines("/projects/acme/sessions/plan", join="closed"),
    )
    assert repr(read) == "<PolicyFile policy.toml facts=7>"


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('inherits = ["writer"]', 'inherit = ["writer"]', "unknown field 'inherit'; a role has n"),
        ('action = "read"', 'act = "read"', "unknown field 'act'; a permission has resource, a"),
        ('action = "read"', 'action = "see"', "'see'; it is one of read, write, execute, delete"),
        ('join = "closed"', 'join = "shut"', "'shut'; it is one of open, invited, closed"),
        ('project = "name"', 'project = "text"', "'text'; it is one of name, subject, role, time"),
        ('"now > 5",', "5,", "conditions: expected `str`, got `int`"),
        ('role = "editor"', "role = 5", "role: expected `str | null`, got `int`"),
        ("not_after = 90000", "not_after = 1970-01-02T00:00:00", "not_after: a moment says its"),
        ("not_after = 90000", "not_after = nan", "not_after: nan is no moment"),
        ("not_after = 90000", "not_after = 1970-01-02", "not_after: expected `float | null`"),
        ('"user:ben"]', "7]", "a member is the name of a subject, or of a group"),
        (
            'resource = "/projects/{project}/**"',
            'resource = "/a{project}"',
            "a whole segment",
        ),
        ('resource = "/projects/{project}/**"', 'resource = "{project}"', "it begins with `/`"),
        ('scope = "/projects/{project}"', 'scope = "/{p}"', "there is no slot 'p'"),
        ('project = "name"', 'who = "role"\nproject = "name"', "it stands nowhere"),
        ('"user:ben"]', '"user:ada"]', 'membership "group:staff user:ada" is there twice'),
        ('id = "in"', 'ids = "in"', "unknown field 'ids'; a grant has id, subject"),
    ],
)
def test_what_a_fact_may_not_look_like_is_refused_at_its_line(
    before: str, after: str, reason: str
) -> None:
    """An unknown field, a wrong type or value, a fact that is there twice: each at its own line."""
    with pytest.raises(InvalidPolicy) as refused:
        _loaded(FILE.replace(before, after))
    assert refused.value.where == f"policy.toml line {LINES[before]}"
    assert reason in refused.value.reason


@pytest.mark.parametrize(
    ("text", "form", "line", "reason"),
    [
        ("\n[[roles]]\ninherits = []", "toml", 2, "missing required field `name`"),
        ("[[roles]]\nname='a'\n[[roles]]\nname='a'", "toml", 3, 'role "a" is there twice'),
        ("\n[role]", "toml", 2, "unknown part 'role'; a policy has roles, grants, templates"),
        ("\n[roles]", "toml", 2, "roles is a list"),
        ("roles = [\n5]", "toml", 2, "roles: expected `object`, got `int`"),
        ("\ngroups = 5", "toml", 2, "groups are names, each with a list of members"),
        ("[groups]\na = 'b'", "toml", 2, "a group is a list of its members"),
        ("\n[]", "json", 2, "a policy is an object with roles, grants, templates, confines, group"),
        ('{"roles":\n[{"name": "a"},\n{"name": 5}]}', "json", 3, "name: expected `str`"),
        ('{"grants": [{"id": "g", "subject": "s",\n"not_after": "x"}]}', "json", 2, "not_after"),
    ],
)
def test_what_is_no_policy_is_refused_at_its_line(
    text: str, form: Form, line: int, reason: str
) -> None:
    """Parts that there are not, things that are missing, and other shapes."""
    with pytest.raises(InvalidPolicy) as refused:
        PolicyFile(text.encode(), name="f", form=form)
    assert refused.value.where == f"f line {line}"
    assert reason in refused.value.reason


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ('role "editor"', "[[roles]]"),
        ('role "writer", permission 1', LINES['name = "writer"'] + 2),
        ('role "writer", permission 2, condition 2', '"now > 5",'),
        ('role "writer", permission 2, condition 9', LINES['"now > 5",'] - 2),
        ('role "writer", permission 2, condition', LINES['"now > 5",'] - 2),
        ('role "writer", permission 1, resource', LINES['name = "writer"'] + 2),
        ('grant "ada"', "[[grants]]"),
        ('grant "ada", scope', "[[grants]]"),
        ('grant "ada", not_after', "not_after = 90000"),
        ('membership "group:staff user:ben"', '"user:ben"]'),
        ('group "group:staff"', '"group:staff" = ["user:ada",'),
        ('template "home", role "at home", permission 1', "[[templates.roles.permissions]]"),
        ('template "home", grant "in"', "[[templates.grants]]"),
        ('template "home", slot "project"', 'project = "name"'),
        ('confines "/projects/acme/sessions/plan"', "[[confines]]"),
    ],
)
def test_what_a_policy_says_is_wrong_is_pointed_at(where: str, line: str | int) -> None:
    """What is refused of a fact by the policy that it would be in is refused at the fact's line."""
    read = PolicyFile(FILE.encode(), name="policy.toml")
    wanted = LINES[line] if isinstance(line, str) else line
    if where == 'role "editor"':
        wanted = LINES['name = "editor"'] - 1
    with pytest.raises(InvalidPolicy) as refused, read.pointing():
        raise InvalidPolicy(where, "odd")
    assert refused.value.where == f"policy.toml line {wanted}"
    assert refused.value.reason == f"{where}: odd"


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ('inherits = ["writer"]', 'inherits = ["reader"]', "there is no role 'reader'"),
        (
            'inherits = ["writer"]',
            'inherits = ["editor"]',
            "to itself: editor > editor",
        ),
        ('"now > 5",', '"now > ",', "column 7"),
        ('scope = "/**"', 'scope = "/**/x"', "`**` can only be the last segment"),
        ('role = "editor"', 'role = "other"', "there is no role 'other'"),
        ("not_after = 90000", "not_after = 5", "or it never holds"),
        ('"user:ben"]', '"group:staff"]', "it leads back to itself"),
        ('join = "closed"', "participants = 0", "there cannot be fewer than 1"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_line(before: str, after: str, reason: str) -> None:
    """A cycle, a bad pattern, a bad condition, a role that is not there: the policy says where."""
    text = FILE.replace('role = "editor"\n', 'role = "editor"\nscope = "/**"\n')
    with pytest.raises(InvalidPolicy) as refused:
        _loaded(text.replace(before, after))
    number = int(refused.value.where.removeprefix("policy.toml line "))
    fact = text.rfind("[[", 0, text.index(before))
    first = text.count("\n", 0, fact) + 1
    assert first <= number <= text.count("\n", 0, text.index(before)) + 1
    assert reason in refused.value.reason


def test_what_is_not_of_the_file_is_not_pointed_at() -> None:
    """An error that tells of another fact stays what it is, and others pass through."""
    read = PolicyFile(FILE.encode(), name="policy.toml")
    for error in (InvalidPolicy('role "other"', "odd"), InvalidPolicy("line 9", "odd")):
        with pytest.raises(InvalidPolicy) as refused, read.pointing():
            raise error
        assert refused.value is error
    with pytest.raises(KeyError), read.pointing():
        raise KeyError


def test_the_name_of_a_file_says_how_it_is_written() -> None:
    """TOML or JSON by the end of the name, and nothing else."""
    assert [form_of(name) for name in ("a.toml", "b.JSON", "c.toml.json")] == [
        "toml",
        "json",
        "json",
    ]
    with pytest.raises(InvalidPolicy, match=r"ends in \.toml or \.json"):
        form_of("policy.yaml")


def _damage(data: bytes, dice: random.Random) -> bytes:
    """The same with a few bytes gone, changed, put in, or there twice."""
    damaged = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at, other = dice.randrange(len(damaged)), dice.randrange(len(damaged))
        put = (
            b"",
            bytes([dice.choice(b"[]{}\".,=:\\'#\n 0")]),
            bytes([dice.randrange(256)]),
            damaged[other : other + dice.randint(1, 30)],
        )
        damaged[at : at + dice.choice((0, 1, 20))] = dice.choice(put)
        damaged = damaged or bytearray(b" ")
    return bytes(damaged)


def _see_damaged(seed: int) -> None:
    dice = random.Random(seed)
    form: Form = dice.choice(FORMS)
    try:
        read = PolicyFile(_damage(WRITTEN[form], dice), name="f", form=form)
        with read.pointing():
            Policy.load(read.facts)
    except InvalidPolicy as refused:
        assert refused.where.startswith("f line ")  # noqa: PT017 - most are refused, some are not


FORMS: tuple[Form, Form] = ("toml", "json")
WRITTEN = {
    form: policy_text(PolicyFile(FILE.encode(), name="policy.toml").facts, form=form).encode()
    for form in FORMS
}
WRITTEN["toml"] = FILE.encode()


def test_a_damaged_file_is_refused_at_a_line_or_is_another_policy() -> None:
    """Whatever has become of a file, there is no other error, and each names a line."""
    for seed in range(300):
        _see_damaged(seed)


@pytest.mark.fuzz
def test_damaged_files_are_refused_at_a_line_for_long(seed: int, for_s: float) -> None:
    """The same for many more."""
    ends = time.monotonic() + for_s
    while time.monotonic() < ends:
        seed += 1
        _see_damaged(seed)
