"""Lists by a name go along the index of its key, at every size."""

from tests.conftest import statements
from tests.dialects.valomnia.conftest import Program
from tests.graph.test_search import plan


async def test_an_index_leads_to_who_is_called_so(program: Program) -> None:
    for name, value, index in (
        ("lastName", "Schrader", "ix_contact_last_name_key_id"),
        ("firstName", "Marie", "ix_contact_first_name_key_last_name_key_id"),
    ):
        with statements(program.running.db) as seen:
            answer = await program.get(f"/contacts?{name}={value}")
        assert answer.status_code == 200, answer.text
        assert {each[name] for each in answer.json()["data"]} == {value}
        listed = [sql for sql in seen if f"{index.removeprefix('ix_contact_').partition('_key')[0]}_key" in sql]
        assert len(listed) >= 2  # how many there are, and the page
        # PostgreSQL takes any index of a table as small as this one; `test_cliffs.py` counts what it reads.
        for sql in listed[:2] if program.running.db.is_sqlite else ():
            assert index in await plan(program.running.db, sql)
        assert "few0 AS" in listed[1]
