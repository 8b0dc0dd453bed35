"""Before anything is measured: every contender gives the same answers, and writes the same rows."""

import json
from typing import Any

from bench.contenders import Running
from bench.load import Failed, check
from bench.measure import Task
from bench.store import Store
from bench.works import Sample, cases, difference, normal, novelty

PAGES = 12
"""How many pages of Q2 are walked; their cursors are what the rounds ask for."""


async def agree(runnings: list[Running], works: list[str], sample: Sample, store: Store) -> dict[str, int]:
    """Compare the answers to some cases of each work with those of the first contender.

    Returns:
        How many answers of each work were compared.

    Raises:
        Failed: two answers differ; says whose, and where first.
    """
    first, *others = runnings
    compared = {}
    for work in works:
        if work == "M1":
            wanted = await _written(first, sample, store)
            for other in others:
                _same(work, first, wanted, other, await _written(other, sample, store))
            compared[work] = 1
            continue
        asked = cases(work, sample, [None])[:25]
        compared[work] = len(asked)
        for case in asked:
            answer = normal(await first.data(work, case))
            for other in others:
                _same(work, first, answer, other, normal(await other.data(work, case)))
    return compared


def _same(work: str, first: Running, wanted: Any, other: Running, answer: Any) -> None:
    found = difference(wanted, answer)
    if found:
        raise Failed(f"{work}: {first.name} and {other.name} do not answer the same: {found}")


async def walk(running: Running, pages: int = PAGES) -> tuple[list[str | None], list[Any]]:
    """The cursors of the first pages of Q2, and what stands on the pages."""
    cursors: list[str | None] = [None]
    seen = []
    for _ in range(pages):
        page = (await running.data("Q2", {"after": cursors[-1]}))["contacts"]
        seen.append(normal(page))
        if not page["pageInfo"]["hasNextPage"]:
            break
        cursors.append(page["pageInfo"]["endCursor"])
    return cursors[:pages], seen


async def same_bodies(step: str, tasks: list[Task]) -> None:
    """Compare what each task's next request is answered with.

    Raises:
        Failed: two answers differ, or there are errors.
    """
    answers = []
    for task in tasks:
        status, body = await task.running.ask(task.following())
        check(status, body)
        answers.append(normal(json.loads(body)["data"]))
    for task, answer in zip(tasks[1:], answers[1:], strict=True):
        _same(step, tasks[0].running, answers[0], task.running, answer)


async def _written(running: Running, sample: Sample, store: Store) -> Any:
    """What M1 answers and leaves behind on one contact, which is as it was afterwards."""
    contact, phone = sample.writable[0]
    ((first_name, revision, updated_at, staff),) = await store.fetch(
        f"SELECT first_name, revision, updated_at::text, modified_by_id FROM contact WHERE id = {contact}"
    )
    ((raw, e164, digits),) = await store.fetch(f"SELECT raw, e164, digits FROM phone WHERE id = {phone}")
    ((last,),) = await store.fetch("SELECT max(id) FROM change")
    try:
        answer = normal(await running.data("M1", {"contact": contact, "phone": phone, **novelty(0)}))
        rows = await store.fetch(
            "SELECT party_id, kind, action, revision, door, credential_id, client_id, fields::text, "
            f"at > now() - interval '1 minute' AS fresh FROM change WHERE id > {last}"
        )
        changes = [dict(row) | {"fields": json.loads(row["fields"])} for row in rows]
        contacts = await store.fetch(
            f"SELECT first_name, revision, modified_by_id, updated_at > now() - interval '1 minute' AS fresh "
            f"FROM contact WHERE id = {contact}"
        )
        phones = await store.fetch(f"SELECT raw, e164, digits FROM phone WHERE id = {phone}")
    finally:
        await store.fetch(f"DELETE FROM change WHERE id > {last}")
        await store.fetch(
            f"UPDATE contact SET first_name = {_quoted(first_name)}, revision = {revision}, "
            f"updated_at = '{updated_at}', modified_by_id = {staff or 'NULL'} WHERE id = {contact}"
        )
        await store.fetch(
            f"UPDATE phone SET raw = {_quoted(raw)}, e164 = {_quoted(e164)}, digits = {_quoted(digits)} "
            f"WHERE id = {phone}"
        )
    return {"answer": answer, "changes": changes, "contact": dict(contacts[0]), "phone": dict(phones[0])}


def _quoted(text: str | None) -> str:
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"
