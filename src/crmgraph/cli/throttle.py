"""The throttle: let somebody try again at once."""

from ipaddress import ip_address
from typing import Annotated

import typer

from crmgraph.cli.clients import door_of
from crmgraph.cli.console import DemoOption, fail, opened, out, run, settings_of
from crmgraph.crm.identity.throttle import of_client

app = typer.Typer(no_args_is_help=True, help="Failed tries, and who has to wait because of them.")


@app.callback()
def _group() -> None:
    """Failed tries, and who has to wait because of them."""


@app.command()
def lift(
    email: Annotated[str | None, typer.Option(help="Of the person who has to wait.")] = None,
    address: Annotated[str | None, typer.Option(help="The network address that has to wait.")] = None,
    dialect: Annotated[str | None, typer.Option(help="Of the client that has to wait: zoho, crmcom, valomnia.")] = None,
    login: Annotated[str, typer.Option(help="The user name or client id of that client.")] = "",
    organisation: Annotated[str, typer.Option(help="CRM.COM only: the organisation of that client.")] = "",
    demo: DemoOption = False,
) -> None:
    """Forget the failed tries of a person, an address or a client, so that they are heard again at once."""
    if not (email or address or dialect):
        fail("Say who has to wait: --email, --address, or --dialect with --login.")
    if dialect and not login:
        fail("--dialect wants the client's --login too.")
    if address and not _is_address(address):
        fail(f"--address {address}: this is no network address, e.g. 203.0.113.7")
    client = of_client(door_of(dialect), login, organisation) if dialect else None
    settings = settings_of(demo)

    async def work() -> int:
        async with opened(settings) as core:
            return await core.identity.throttle.lift(email=email, address=address, client=client)

    # A try counts against several subjects: how many counts there were is not how many tries.
    who = " and ".join(each for each in (email, address, login) if each)
    told = f"The failed tries of {who} are forgotten." if run(work(), settings) else "Nothing was counted against them."
    out.print(told, markup=False, highlight=False)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
