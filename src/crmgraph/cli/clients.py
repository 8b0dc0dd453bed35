"""The programs that speak a legacy dialect: add them, see who they are, and keep them out."""

import json
import secrets
import sys
from typing import Annotated

import typer

from crmgraph.cli.console import DemoOption, fail, opened, out, run, settings_of
from crmgraph.crm import clients, staff
from crmgraph.crm.models import Door, LegacyClient

app = typer.Typer(no_args_is_help=True, help="Credentials of the programs that speak a legacy dialect.")


DialectArgument = Annotated[str, typer.Argument(help="zoho, crmcom or valomnia.")]
LoginArgument = Annotated[str, typer.Argument(help="Its user name or client id.")]
OrganisationOption = Annotated[str, typer.Option(help="CRM.COM only: the organisation it signs in to.")]

_GRANTS = {
    Door.ZOHO: ("ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL", "ZohoCRM.users.ALL", "ZohoCRM.org.ALL"),
    Door.CRMCOM: ("contact_information",),
}
"""What a client may do when nothing else is said: everything. Valomnia knows no grants."""


def _door(dialect: str) -> Door:
    door = {d.value.lower(): d for d in (Door.ZOHO, Door.CRMCOM, Door.VALOMNIA)}.get(dialect.lower())
    if door is None:
        fail("The dialect is zoho, crmcom or valomnia; Covalense's clients sign in as customers.")
    return door


@app.command("add")
def add(
    dialect: DialectArgument,
    name: Annotated[str, typer.Argument(help="What the program is called.")],
    staff_email: Annotated[str, typer.Argument(help="The employee as whom it acts.")],
    login: Annotated[str | None, typer.Option(help="Its user name or client id; made up when not given.")] = None,
    organisation: OrganisationOption = "",
    grant: Annotated[list[str] | None, typer.Option(help="What it may do; by default everything.")] = None,
    demo: DemoOption = False,
) -> None:
    """Add a legacy client and print its secrets, once."""
    door = _door(dialect)
    settings = settings_of(demo)
    secret = secrets.token_urlsafe(24)
    identifier = login or (f"1000.{secrets.token_hex(15).upper()}" if door is Door.ZOHO else secrets.token_hex(8))
    grants = grant or list(_GRANTS.get(door, ()))

    async def work() -> str | None:
        async with opened(settings) as core:
            hashed = await core.passwords.hash(secret)
            async with core.db.begin() as session:
                member = await staff.find_staff(session, staff_email)
                client_id = await clients.add_client(
                    session, door, name, identifier, hashed, member, grants, organisation
                )
            if door is Door.ZOHO:
                return await clients.issue(core.db, client_id, "refresh", seconds=None, grants=grants)
            return None

    refresh = run(work())
    words = ("client_id", "client_secret") if door is Door.ZOHO else ("username", "password")
    printed = dict(zip(words, (identifier, secret), strict=True))
    if organisation:
        printed["organisation"] = organisation
    if refresh is not None:
        printed["refresh_token"] = refresh
    sys.stdout.write(json.dumps(printed, indent=2) + "\n")


@app.command("list")
def list_(demo: DemoOption = False) -> None:
    """Print all clients, a line each: dialect, login, organisation, name, grants, and whether they are kept out."""

    async def work() -> list[LegacyClient]:
        async with opened(settings_of(demo)) as core, core.db.read() as session:
            return await clients.all_clients(session)

    for client in run(work()):
        shown = [
            client.dialect.value.lower(),
            client.login,
            client.organisation or "-",
            client.name,
            ",".join(client.grants) or "-",
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


def _switch(dialect: str, login: str, organisation: str, demo: bool, active: bool) -> None:
    door = _door(dialect)

    async def work() -> None:
        async with opened(settings_of(demo)) as core, core.db.begin() as session:
            await clients.switch(session, door, login, organisation, active)

    run(work())
    out.print(f"{login} is {'let in' if active else 'kept out'}.", markup=False, highlight=False)
