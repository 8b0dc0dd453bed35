"""Identity documents, before a client that may not see them: a right guess and a wrong one look alike everywhere."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from crmgraph.crm.models import Change, Contact, Relation, Staff
from tests.conftest import statements
from tests.dialects.crmcom.conftest import ELLEN, JOANNA, LOUIS, PREFIX, Program, answer_of, code, done, refused
from tests.graph.conftest import employee_of

INFORMATION = "contact_information/"
IDENTIFIER = "contact_information_identifier"
DENIED = code("SECURITY", "ACCESSDENIED")
NOT_FOUND = (code("CONTACTINFORMATION", "NOTFOUND"), f"{IDENTIFIER}: not found")
DOCUMENTS = {"id_number": "AB112234", "passport_number": "CD112234", "social_security_number": "EF112234"}
"""Louis's."""
RIGHT, WRONG = 0, 1


async def may_see(program: Program, *, documents: bool) -> None:
    async with program.running.db.begin() as session:
        await session.execute(update(Staff).where(Staff.name == "MPAdministrator").values(sees_identity=documents))


async def state(program: Program) -> list[Any]:
    """Everything that a write leaves behind in contacts, relations and the log."""
    async with program.running.db.read() as session:
        contacts = (await session.execute(select(Contact.id, Contact.revision, Contact.updated_at))).all()
        relations = (await session.execute(select(Relation.id, Relation.kind, Relation.other_id, Relation.given))).all()
        changes = (await session.execute(select(Change.id))).all()
    return [sorted(map(str, rows)) for rows in (contacts, relations, changes)]


Send = Callable[[Program, str, str], Awaitable[Any]]


async def show(program: Program, name: str, number: str) -> Any:
    return await program.get(INFORMATION + "show", **{IDENTIFIER: f"{name}={number}"})


async def listed(program: Program, name: str, number: str) -> Any:
    return await program.get(INFORMATION + "list", **{name: number})


async def listed_with_phone(program: Program, name: str, number: str) -> Any:
    return await program.get(INFORMATION + "list", **{name: number, "email_address": "a@example.com"})


async def acquainted(program: Program) -> None:
    """Have the server know who asks: the first request after a change of rights costs another statement."""
    done(await program.get(INFORMATION + "show", **{IDENTIFIER: f"id={LOUIS}"}))


async def change_by(program: Program, name: str, number: str) -> Any:
    return await program.post(INFORMATION + "update", **{IDENTIFIER: {name: number}}, notes="found")


async def change_of(program: Program, name: str, number: str) -> Any:
    return await program.update(LOUIS, demographics={name: number})


async def change_of_more(program: Program, name: str, number: str) -> Any:
    return await program.update(LOUIS, demographics={name: number, "gender": "FEMALE"}, notes="changed")


async def create(program: Program, name: str, number: str) -> Any:
    return await program.post(INFORMATION + "create", **JOANNA, demographics={name: number})


async def view(program: Program, name: str, number: str) -> Any:
    return await program.get(INFORMATION + "profile_photo/view", **{IDENTIFIER: f"{name}={number}"})


async def remove(program: Program, name: str, number: str) -> Any:
    return await program.post(INFORMATION + "profile_photo/remove", **{IDENTIFIER: {name: number}})


async def add(program: Program, name: str, number: str) -> Any:
    form = {"token": program.token, IDENTIFIER: f"{name}={number}"}
    url = f"{PREFIX}{INFORMATION}profile_photo/add"
    return answer_of(await program.client.post(url, data=form, files={"file": ("a.png", b"x", "image/png")}))


@pytest.mark.parametrize("name", DOCUMENTS)
@pytest.mark.parametrize(
    "send",
    [show, listed, listed_with_phone, change_by, change_of, change_of_more, create, view, remove, add],
    ids=lambda send: send.__name__,
)
async def test_a_right_guess_and_a_wrong_one_are_answered_alike_and_leave_nothing(
    program: Program, name: str, send: Send
) -> None:
    await may_see(program, documents=False)
    await acquainted(program)
    before = await state(program)
    answers, cost = [], []
    for number in (DOCUMENTS[name], "AB112235", f" {DOCUMENTS[name]} "):
        with statements(program.running.db) as seen:
            answers.append(await send(program, name, number))
        cost.append([re.sub(r"0x[0-9a-f]+", "", each) for each in seen])
    assert answers == answers[:1] * 3
    assert cost[RIGHT] == cost[WRONG]
    assert await state(program) == before
    if send in (change_of, change_of_more, create):
        assert refused(answers[RIGHT])[0] == DENIED
    elif send in (listed, listed_with_phone):
        assert done(answers[RIGHT]) == []
    else:
        assert refused(answers[RIGHT]) == NOT_FOUND


@pytest.mark.parametrize("number", ["142536", "ADASF125546665"], ids=["of nobody here", "of Ellen"])
async def test_a_relation_does_not_tell_by_which_document_it_names_the_other_one(program: Program, number: str) -> None:
    friend = {"action": "ADD", "type": "FRIEND", IDENTIFIER: {"id_number": number}}
    made = (await program.changed(LOUIS, relation_set=[friend]))["relation_set"][-1]
    assert made["contact"]["id"] == (ELLEN if number.startswith("AD") else None)
    await may_see(program, documents=False)
    await acquainted(program)
    before = await state(program)
    answers, cost = [], []
    for field, guess in (("id_number", number), ("id_number", "1"), ("passport_number", number)):
        for more in ({}, {"notes": "guessed"}, {"type": "PARTNER"}):
            row = {"action": "UPDATE", "relation_identifier": {"id": made["id"]}, IDENTIFIER: {field: guess}} | more
            with statements(program.running.db) as seen:
                answers.append(await program.update(LOUIS, relation_set=[row]))
            cost.append(len(seen))
    denied = (DENIED, f"relation_set[0].{IDENTIFIER}: the user may not do this")
    assert [refused(answer) for answer in answers] == [denied] * 9
    assert len(set(cost)) == 1
    # The record, what the document names, and whether the caller still may: a refusal is found once.
    assert program.running.db.is_sqlite or cost[0] == 3
    assert await state(program) == before
    # Other things of it may be changed, and the other one named in another way.
    row = {"action": "UPDATE", "relation_identifier": {"id": made["id"]}, "type": "PARTNER"}
    kept = (await program.changed(LOUIS, relation_set=[row]))["relation_set"][-1]
    assert (kept["type"], kept["contact"]["id"]) == ("PARTNER", made["contact"]["id"])
    await program.changed(LOUIS, relation_set=[row | {IDENTIFIER: {"id": ELLEN}}])
    await may_see(program, documents=True)
    found = await program.changed(LOUIS, relation_set=[row | {IDENTIFIER: {"id_number": "142536"}}])
    assert found["relation_set"][-1]["contact"]["demographics"]["id_number"] == "142536"


async def test_a_new_relation_by_a_document_is_told_alike_whether_or_not_it_is_somebodys(program: Program) -> None:
    await may_see(program, documents=False)
    await acquainted(program)
    answers, cost = [], []
    for number in ("ADASF125546665", "1"):
        friend = {"action": "ADD", "type": "FRIEND", IDENTIFIER: {"id_number": number}}
        with statements(program.running.db) as seen:
            told = (await program.changed(LOUIS, relation_set=[friend]))["relation_set"][-1]
        answers.append({key: value for key, value in told.items() if key != "id"})
        cost.append(len(seen))
    assert answers[RIGHT] == answers[WRONG]
    assert answers[RIGHT]["contact"]["demographics"]["id_number"] is None
    assert cost[RIGHT] == cost[WRONG]


async def test_graphql_tells_no_number_of_a_relation_without_the_right(program: Program) -> None:
    friend = {"action": "ADD", "type": "FRIEND", IDENTIFIER: {"id_number": "142536"}}
    company = {"action": "ADD", "type": "EMPLOYER", IDENTIFIER: {"vat_registration_number": "12"}}
    await program.changed(LOUIS, relation_set=[friend, company])
    staff = await employee_of(program.running)
    query = (
        f"""{{ contact(by: {{external: {{dialect: CRMCOM, value: "{LOUIS}"}}}}) {{ relations {{ kind given }} }} }}"""
    )

    async def given() -> list[Any]:
        return [row["given"] for row in (await staff(query))["contact"]["relations"]][-2:]

    for role, sees, number in (
        ("ADMIN", False, "142536"),
        ("AGENT", True, "142536"),
        ("AGENT", False, None),
    ):
        async with program.running.db.begin() as session:
            member = update(Staff).where(Staff.email == program.running.credentials["staff"]["email"])
            await session.execute(member.values(role=role, sees_identity=sees))
        assert await given() == [{"id_number": number}, {"vat_registration_number": "12"}]
