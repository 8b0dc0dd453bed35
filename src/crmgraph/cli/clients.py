"""The programs that speak a legacy dialect: add them, see who they are, and keep them out."""

import json
import secrets
import sys
from typing import Annotated

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.cli import grants as grants_of
from crmgraph.cli.console import DemoOption, fail, opened, out, run, settings_of
from crmgraph.cli.staff import member_named
from crmgraph.crm.errors import NotFound
from crmgraph.crm.identity import clients
from crmgraph.crm.models import Door, LegacyClient
from crmgraph.suggestions import nearest

app = typer.Typer(no_args_is_help=True, help="Credentials of the programs that speak a legacy dialect.")


SPOKEN = {door.dialect: door for door in Door if door.is_dialect and door is not Door.COVALENSE}
"""{name: dialect} of those that programs speak as clients; whoever speaks Covalense signs in as a customer."""
_NAMES = f"{', '.join(list(SPOKEN)[:-1])} or {list(SPOKEN)[-1]}"

DialectArgument = Annotated[str, typer.Argument(help=f"{_NAMES}.")]
LoginArgument = Annotated[str, typer.Argument(help="Its user name or client id.")]
OrganisationOption = Annotated[str, typer.Option(help="CRM.COM only: the organisation it signs in to.")]

_GRANTS = {
    Door.ZOHO: ("ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL", "ZohoCRM.users.ALL", "ZohoCRM.org.ALL"),
    Door.CRMCOM: ("contact_information",),
}
"""What a client may do when nothing else is said: everything. Valomnia knows no grants."""


def door_of(dialect: str) -> Door:
    """The dialect of this name; the program ends where it is none that clients sign in to."""
    door = SPOKEN.get(dialect.lower())
    if door is None:
        near = nearest(dialect, SPOKEN)
        meant = f"; is {near} meant?" if near else ""
        fail(f"{dialect or 'Nothing'}: the dialect is {_NAMES}{meant or ';'} Covalense's clients sign in as customers.")
    return door


@app.command("add")
def add(
    dialect: DialectArgument,
    name: Annotated[str, typer.Argument(help="What the program is called.")],
    staff_email: Annotated[str, typer.Argument(help="The employee as whom it acts: their email or id.")],
    login: Annotated[str | None, typer.Option(help="Its user name or client id; made up when not given.")] = None,
    organisation: OrganisationOption = "",
    grant: Annotated[list[str] | None, typer.Option(help="What it may do; by default everything.")] = None,
    demo: DemoOption = False,
) -> None:
    """Add a legacy client and print its secrets, once."""
    door = door_of(dialect)
    settings = settings_of(demo)
    if door is Door.CRMCOM and not organisation:
        fail("A client of CRM.COM signs in to an organisation: say which by --organisation, e.g. --organisation MAIN.")
    if organisation and door is not Door.CRMCOM:
        fail("--organisation is CRM.COM's alone.")
    if (fault := grants_of.fault_of(door, grant or [])) is not None:
        fail(fault)
    secret = secrets.token_urlsafe(24)
    identifier = login or (f"1000.{secrets.token_hex(15).upper()}" if door is Door.ZOHO else secrets.token_hex(8))
    grants = grant or list(_GRANTS.get(door, ()))

    async def work() -> str | None:
        async with opened(settings) as core:
            hashed = await core.passwords.hash(secret)
            async with core.db.begin() as session:
                member = await _member(session, staff_email)
                client_id = await clients.add_client(
                    session, door, name, identifier, hashed, member, grants, organisation
                )
            if door is Door.ZOHO:
                return await clients.issue(core.db, client_id, "refresh", seconds=None, grants=grants)
            return None

    refresh = run(work(), settings)
    _print_secrets(door, identifier, secret, organisation, refresh)


async def _member(session: AsyncSession, who: str) -> int:
    """The employee as whom a client acts; the program ends where there is none, or they are kept out."""
    member = await member_named(session, who)
    if not member.active:
        fail(f"{who} is kept out, and so would be a client that acts as them: `crmgraph staff enable {member.id}`.")
    return member.id


async def _client(session: AsyncSession, door: Door, login: str, organisation: str = "") -> LegacyClient:
    """The client of this login, locked; the program ends where there is none."""
    try:
        return await clients.named(session, door, login, organisation)
    except NotFound:
        of = f" in the organisation {organisation}" if organisation else ""
        more = "; --organisation says which of CRM.COM's" if door is Door.CRMCOM and not organisation else ""
        fail(
            f"{login}: no client of {door.value.lower()} has this login{of}{more}; "
            f"`crmgraph clients list` shows who there is."
        )


@app.command("list")
def list_(demo: DemoOption = False) -> None:
    """Print all clients, a line each: dialect, login, organisation, name, grants, whether they have a Web API key and
    whether they are kept out."""
    settings = settings_of(demo)

    async def work() -> tuple[list[LegacyClient], set[int]]:
        async with opened(settings) as core, core.db.read() as session:
            return await clients.all_clients(session), await clients.with_keys(session)

    found, keys = run(work(), settings)
    for client in found:
        shown = [
            client.dialect.value.lower(),
            client.login,
            client.organisation or "-",
            client.name,
            ",".join(client.grants) or "-",
            *(("(key)",) if client.id in keys else ()),
            *(() if client.active else ("(disabled)",)),
        ]
        out.print("  ".join(shown), markup=False, highlight=False)


@app.command()
def disable(
    dialect: DialectArgument, login: LoginArgument, organisation: OrganisationOption = "", demo: DemoOption = False
) -> None:
    """Keep a client out at once: its secret and every token that it holds."""
    _switch(dialect, login, organisation, demo, False)


@app.command()
def enable(
    dialect: DialectArgument, login: LoginArgument, organisation: OrganisationOption = "", demo: DemoOption = False
) -> None:
    """Let a client in again."""
    _switch(dialect, login, organisation, demo, True)


@app.command()
def grants(
    dialect: DialectArgument,
    login: LoginArgument,
    grant: Annotated[list[str] | None, typer.Option(help="What it may do from now on, once each.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="It may do everything from now on.")] = False,
    organisation: OrganisationOption = "",
    demo: DemoOption = False,
) -> None:
    """Print what a client may do, or change it at once: its tokens can do no more either."""
    door, settings = door_of(dialect), settings_of(demo)
    if grant and everything:
        fail("--all and --grant say two things: what it may do is everything, or what is named.")
    if (fault := grants_of.fault_of(door, grant or [])) is not None:
        fail(fault)
    granted = sorted(grant or _GRANTS.get(door, ()))

    async def work() -> list[str]:
        async with opened(settings) as core, core.db.begin() as session:
            client = await _client(session, door, login, organisation)
            if grant or everything:
                client.grants = granted
            return client.grants

    out.print(f"{login} may {', '.join(run(work(), settings)) or 'do everything'}.", markup=False, highlight=False)


@app.command()
def rotate(
    dialect: DialectArgument, login: LoginArgument, organisation: OrganisationOption = "", demo: DemoOption = False
) -> None:
    """Give a client another secret and print it, once. The former one and every token of the client end at once."""
    door, settings = door_of(dialect), settings_of(demo)
    secret = secrets.token_urlsafe(24)
    given = _new_key()

    async def work() -> tuple[str | None, str | None]:
        async with opened(settings) as core:
            hashed = await core.passwords.hash(secret)
            async with core.db.begin() as session:
                client = await _client(session, door, login, organisation)
                had_key = await clients.end_key(session, client)
                await clients.rotate(session, client, hashed)
                if had_key:
                    await clients.set_key(session, client, given)
            if door is Door.ZOHO:
                return await clients.issue(core.db, client.id, "refresh", seconds=None, grants=client.grants), None
            return None, given if had_key else None

    refresh, key_ = run(work(), settings)
    _print_secrets(door, login, secret, organisation, refresh, key_)


@app.command()
def key(
    dialect: Annotated[str, typer.Argument(help="crmcom.")],
    login: LoginArgument,
    organisation: OrganisationOption = "",
    end: Annotated[bool, typer.Option("--end", help="Only end the key that it has.")] = False,
    demo: DemoOption = False,
) -> None:
    """Give a client of CRM.COM's a Web API key and print it, once. The former key and the tokens for it end at once."""
    if door_of(dialect) is not Door.CRMCOM:
        fail("Web API keys are CRM.COM's alone: crmgraph clients key crmcom LOGIN --organisation ORGANISATION.")
    settings = settings_of(demo)
    text = _new_key()

    async def work() -> bool:
        async with opened(settings) as core, core.db.begin() as session:
            client = await _client(session, Door.CRMCOM, login, organisation)
            if end:
                return await clients.end_key(session, client)
            await clients.set_key(session, client, text)
            return True

    had = run(work(), settings)
    if end:
        out.print(f"{login} {'has no key any more' if had else 'had no key'}.", markup=False, highlight=False)
    else:
        sys.stdout.write(f"{text}\n")


def _new_key() -> str:
    """A key as CRM.COM's are: 32 hexadecimal digits."""
    return secrets.token_hex(16).upper()


@app.command()
def code(
    dialect: Annotated[str, typer.Argument(help="zoho.")],
    login: LoginArgument,
    grant: Annotated[
        list[str] | None, typer.Option(help="What its tokens may; by default what the client may.")
    ] = None,
    minutes: Annotated[int, typer.Option(help="How long the code is good.", min=1, max=10)] = 10,
    demo: DemoOption = False,
) -> None:
    """Print a grant code, as Zoho's console does for a self client: good once at /oauth/v2/token, for its tokens."""
    if door_of(dialect) is not Door.ZOHO:
        fail("Grant codes are Zoho's alone: crmgraph clients code zoho CLIENT_ID.")
    settings = settings_of(demo)
    if (fault := grants_of.fault_of(Door.ZOHO, grant or [])) is not None:
        fail(fault)
    text = f"1000.{secrets.token_hex(16)}.{secrets.token_hex(16)}"

    async def work() -> None:
        async with opened(settings) as core:
            async with core.db.begin() as session:
                client = await _client(session, Door.ZOHO, login)
            if not client.active:
                fail(f"{login} is kept out: `crmgraph clients enable zoho {login}` first.")
            if beyond := sorted(set(grant or ()) - set(client.grants)):
                fail(f"--grant {beyond[0]}: the client itself may not; see `crmgraph clients grants`.")
            scopes = grant or client.grants
            await clients.issue(core.db, client.id, "code", seconds=60 * minutes, grants=scopes, token=text)

    run(work(), settings)
    sys.stdout.write(f"{text}\n")


def _print_secrets(
    door: Door, login: str, secret: str, organisation: str, refresh: str | None, web_api_key: str | None = None
) -> None:
    words = ("client_id", "client_secret") if door is Door.ZOHO else ("username", "password")
    printed = dict(zip(words, (login, secret), strict=True))
    if organisation:
        printed["organisation"] = organisation
    if refresh is not None:
        printed["refresh_token"] = refresh
    if web_api_key is not None:
        printed["web_api_key"] = web_api_key
    sys.stdout.write(json.dumps(printed, indent=2) + "\n")


def _switch(dialect: str, login: str, organisation: str, demo: bool, active: bool) -> None:
    door = door_of(dialect)
    settings = settings_of(demo)

    async def work() -> None:
        async with opened(settings) as core, core.db.begin() as session:
            await _client(session, door, login, organisation)
            await clients.switch(session, door, login, organisation, active)

    run(work(), settings)
    out.print(f"{login} is {'let in' if active else 'kept out'}.", markup=False, highlight=False)
