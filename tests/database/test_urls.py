"""What the URL says holds for both pools, against a real PostgreSQL behind a network that can be made to fail."""

from pathlib import Path

import pytest
from sqlalchemy import func, literal_column, select, text

from crmgraph.db.database import Database
from crmgraph.db.errors import diagnose
from tests.conftest import Postgres, serving, settings_for
from tests.database.proxy import Proxy, certificate

APPLICATION = select(func.current_setting("application_name"), func.current_setting("work_mem"))


async def both(url: str, query: object = None) -> list[object]:
    """What a statement answers in each of the pools."""
    db = Database(url, pool_size=2)
    wanted = select(literal_column("1")) if query is None else query
    try:
        (row,) = await db.fetch_compiled("both", lambda: wanted, {})
        async with db.read() as session:
            return [tuple(row), tuple((await session.execute(wanted)).one())]
    finally:
        await db.close()


async def reason(url: str) -> str:
    """Why both pools have no connection: each says the same."""
    db = Database(url, pool_size=2)
    with pytest.raises(Exception) as compiled:
        await db.fetch_compiled("both", lambda: select(literal_column("1")), {})
    with pytest.raises(Exception) as session_failed:
        async with db.read() as session:
            await session.execute(text("SELECT 1"))
    await db.close()
    told = {diagnose(compiled.value).reason, diagnose(session_failed.value).reason}
    assert len(told) == 1
    return told.pop()


async def test_the_mode_of_tls_holds_for_both_pools(postgres: Postgres, tmp_path: Path) -> None:
    shown, context = certificate(tmp_path, "localhost")
    other, _ = certificate(tmp_path, "elsewhere")
    async with Proxy(postgres.url("template"), context) as proxy:
        for parameters in (
            "sslmode=require",
            "ssl=require",
            f"sslmode=verify-ca&sslrootcert={shown}",
            f"sslmode=verify-full&sslrootcert={shown}",
            "",
        ):
            before = proxy.encrypted
            assert await both(proxy.url(parameters, "localhost")) == [(1,), (1,)]
            assert proxy.encrypted == before + 2
        before = proxy.encrypted
        assert await both(proxy.url("sslmode=disable")) == [(1,), (1,)]
        assert proxy.encrypted == before
        untrusted = "shows a certificate that is not trusted"
        assert await reason(proxy.url(f"sslmode=verify-full&sslrootcert={other}", "localhost")) == untrusted
        assert await reason(proxy.url("sslmode=verify-full&sslrootcert=system", "localhost")) == untrusted
        # The name is part of what is verified, and 127.0.0.1 is another.
        assert await reason(proxy.url(f"sslmode=verify-full&sslrootcert={shown}")) == untrusted
        assert await both(proxy.url(f"sslmode=verify-ca&sslrootcert={shown}")) == [(1,), (1,)]


async def test_a_server_without_tls_is_not_spoken_to_where_tls_is_required(postgres: Postgres) -> None:
    async with Proxy(postgres.url("template")) as proxy:
        assert await reason(proxy.url("sslmode=require")) == "unreachable"
        assert await both(proxy.url("sslmode=prefer")) == [(1,), (1,)]


async def test_the_name_of_the_program_and_its_options_reach_the_server(postgres: Postgres) -> None:
    url = postgres.url("template")
    assert await both(url, APPLICATION) == [("crmgraph", "4MB")] * 2
    given = f"{url}&application_name=crm-eu&options=-c%20work_mem%3D5MB"
    assert await both(given, APPLICATION) == [("crm-eu", "5MB")] * 2


async def test_hosts_are_tried_in_their_order_and_one_that_swallows_everything_does_not_take_their_time(
    postgres: Postgres,
) -> None:
    uri = postgres.url("template")
    async with Proxy(uri) as first, Proxy(uri) as second:
        url = f"postgresql://postgres@127.0.0.1:9,127.0.0.1:{first.port},127.0.0.1:{second.port}/template"
        assert await both(url) == [(1,), (1,)]
        assert (first.accepted > 0, second.accepted) == (True, 0)
        first.refusal = "57P03"
        assert await both(url) == [(1,), (1,)]
        assert second.accepted > 0
        first.refusal = None
        first.stall()
        assert await both(f"{url}?connect_timeout=1") == [(1,), (1,)]
        second.refusal = "28P01"
        assert (
            await reason(f"postgresql://postgres@127.0.0.1:{second.port},127.0.0.1:9/template") == "refuses the login"
        )


async def test_a_password_may_stand_in_a_file(postgres: Postgres, tmp_path: Path) -> None:
    file = tmp_path / "passwords"
    file.write_text("*:*:*:*:hush\n")
    file.chmod(0o600)
    assert await both(f"{postgres.url('template')}&passfile={file}") == [(1,), (1,)]


@pytest.mark.parametrize(
    "parameters",
    [
        "sslmode=verify-full",
        "sslmode=verify-ca",
        "sslmode=require&ssl_min_protocol_version=TLSv9",
        "options=-c%20nonsense%3D1",
        "options=-c%20work_mem%3Dmuch",
        "options=-c%20role%3Dnobody_of_this_name",
        "options=-c%20role%3D",
    ],
)
async def test_what_the_driver_or_the_server_refuses_of_an_address_is_no_fault_of_ours(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parameters: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with Proxy(postgres.url("template")) as proxy:
        assert await reason(proxy.url(parameters)) == "not to be had as its address asks"
        url = proxy.url(parameters)
        async with serving(settings_for(url, tmp_path)) as (client, _):
            answer = await client.get("/health/ready")
            assert (answer.status_code, answer.json()["status"]) == (503, "database not to be had as its address asks")
