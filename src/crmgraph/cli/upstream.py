"""The old CRMs behind the legacy APIs: add them, look whether they answer, and say who answers which call.

What else is said of them, settings and secrets, is `upstream_settings.py`.
"""

import time
from functools import partial
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.cli.console import DemoOption, fail, opened, print_json, print_text, run, settings_of
from crmgraph.cli.usage import door_named, require_operation
from crmgraph.crm import upstreams
from crmgraph.crm.models import Door, Mode, Switch, Upstream, UpstreamSecret
from crmgraph.crm.upstream_settings import SECRETS, shown, value_of
from crmgraph.crm.upstream_settings import settings_of as settings_of_dialect
from crmgraph.crm.upstreams import modes_of
from crmgraph.settings import Settings
from crmgraph.suggestions import nearest
from crmgraph.upstream.places import BadPlaceError, read_base, read_networks, resolve
from crmgraph.upstream.secrets import rows_of, source_of

app = typer.Typer(no_args_is_help=True, help="The old CRMs behind the legacy APIs, to which calls are passed on.")

DialectArgument = Annotated[str, typer.Argument(help="The API: covalense, zoho, crmcom or valomnia.")]
_NOT_YET = {
    "SERVE": "is not there yet: nothing is written back to the old CRM. OFF lets this store answer without that.",
}
"""Modes that a later version has."""
_RESTART = "Servers that run already learn of it when they are started anew."


async def known(session: AsyncSession, door: Door) -> Upstream:
    """The upstream of a dialect; the program ends where it has none."""
    found = await session.get(Upstream, door)
    if found is None:
        fail(f"{door.dialect}: has no upstream; `crmgraph upstream add {door.dialect} https://...` adds one.")
    return found


async def _check_places(settings: Settings, *urls: str | None, insecure: bool) -> None:
    for url in filter(None, urls):
        try:
            base = read_base(url, insecure=insecure)
            if base.is_at(settings.public_url):
                fail(f"{url}: is this server itself (CRMGRAPH_PUBLIC_URL).")
            await resolve(base, read_networks(settings.upstream_networks))
        except BadPlaceError as bad:
            fail(str(bad))


@app.command()
def add(
    dialect: DialectArgument,
    base_url: Annotated[str, typer.Argument(help="Where it answers, e.g. https://www.zohoapis.com.")],
    accounts: Annotated[
        str | None, typer.Option(help="Where it gives tokens, if elsewhere, e.g. https://accounts.zoho.com.")
    ] = None,
    insecure: Annotated[bool, typer.Option("--insecure", help="Take http, on the loopback interface alone.")] = False,
    demo: DemoOption = False,
) -> None:
    """Put an old CRM behind a legacy API: from the next start of the servers its calls are passed on to it."""
    settings, door = settings_of(demo), door_named(dialect)
    if accounts is not None and door is not Door.ZOHO:
        fail("--accounts: only Zoho gives its tokens elsewhere.")

    async def work() -> None:
        await _check_places(settings, base_url, accounts, insecure=insecure)
        async with opened(settings) as core, core.db.begin() as session:
            if await session.get(Upstream, door) is not None:
                fail(
                    f"{door.dialect}: has an upstream already; `crmgraph upstream remove {door.dialect}` takes it away."
                )
            session.add(
                Upstream(
                    dialect=door, base_url=base_url.rstrip("/"), accounts_url=accounts, insecure=insecure, options={}
                )
            )

    run(work(), settings)
    print_text(f"Calls of {door.dialect} are passed on to {base_url.rstrip('/')}. {_RESTART}")


@app.command()
def remove(dialect: DialectArgument, demo: DemoOption = False) -> None:
    """Take an old CRM away: this store answers again. Its switches and learned tokens go too."""
    settings, door = settings_of(demo), door_named(dialect)

    async def work() -> None:
        async with opened(settings) as core, core.db.begin() as session:
            await known(session, door)
            await upstreams.remove(session, door)

    run(work(), settings)
    print_text(f"Calls of {door.dialect} are answered here. {_RESTART}")


@app.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, for scripts.")] = False,
    demo: DemoOption = False,
) -> None:
    """Print all upstreams, a line each: API, address, and who answers where nothing else is said."""
    settings = settings_of(demo)

    async def work() -> list[dict[str, Any]]:
        async with opened(settings) as core, core.db.read() as session:
            modes = modes_of(await upstreams.all_switches(session))
            return [
                {
                    "dialect": each.dialect.dialect,
                    "base_url": each.base_url,
                    "accounts_url": each.accounts_url,
                    "mode": (modes[each.dialect].by.get((None, None)) if each.dialect in modes else None)
                    or upstreams.DEFAULT,
                }
                for each in await upstreams.all_upstreams(session)
            ]

    found = run(work(), settings)
    if as_json:
        print_json({"upstreams": found})
        return
    for each in found:
        print_text("  ".join(str(value) for value in each.values() if value))


@app.command()
def show(dialect: DialectArgument, demo: DemoOption = False) -> None:
    """Print an upstream, and every switch of its calls, the first one first."""
    settings, door = settings_of(demo), door_named(dialect)

    async def work() -> tuple[Upstream, list[Switch], list[UpstreamSecret]]:
        async with opened(settings) as core, core.db.read() as session:
            found = await known(session, door)
            return found, list(await upstreams.all_switches(session, door)), await rows_of(session, door)

    found, switches, secrets = run(work(), settings)
    print_text(f"{door.dialect}  {found.base_url}" + (f"  {found.accounts_url}" if found.accounts_url else ""))
    if not switches:
        print_text(f"All calls: {upstreams.DEFAULT.value}, as nobody has said otherwise.")
    for each in switches:
        what = each.operation or "all operations"
        who = f"of {each.caller}" if each.caller else "of everybody"
        print_text(f"{each.at:%Y-%m-%dT%H:%M:%SZ}  {each.mode.value}  {what} {who}: {each.why}")
    print_text("Settings:")
    for setting in settings_of_dialect(door):
        default = "" if setting.key in found.options else "  (default)"
        print_text(f"  {setting.key}  {shown(value_of(found.options, setting.key))}{default}")
    kept = {row.name: row for row in secrets}
    for which in SECRETS.values():
        if which.dialect is door:
            print_text(f"  {which.name}  {source_of(which, kept.get(which.name))}")


@app.command()
def switch(
    dialect: DialectArgument,
    mode: Annotated[
        str,
        typer.Argument(
            help="PROXY: the old CRM answers. SHADOW: so it does, and is compared. OFF: this store answers."
        ),
    ],
    why: Annotated[str, typer.Option(help="Why, for whoever looks at it later.")],
    operation: Annotated[
        str | None,
        typer.Option(help="Of one operation, as `crmgraph usage` tells it, e.g. 'GET /crm/v2/{module}/{id}'."),
    ] = None,
    caller: Annotated[
        str | None, typer.Option(help="Of the calls of one caller, as `crmgraph usage` tells it.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Though something speaks against it; that is noted.")] = False,
    demo: DemoOption = False,
) -> None:
    """Say who answers calls of a legacy API: a second later every server does as it is said.

    What is said of a caller and an operation counts before what is said of the caller, that before what is said of the
    operation, that before what is said of the API.
    """
    settings, door = settings_of(demo), door_named(dialect)
    if mode.upper() in _NOT_YET:
        fail(f"{mode.upper()}: {_NOT_YET[mode.upper()]}")
    if mode.upper() not in list(Mode):
        near = nearest(mode.upper(), list(Mode))
        fail(f"{mode}: is none of {', '.join(Mode)}." + (f" Is {near} meant?" if near else ""))
    if operation is not None:
        require_operation(door, operation)

    async def work() -> None:
        async with opened(settings) as core, core.db.begin() as session:
            await known(session, door)
            unfit = await _unfit(session, door, Mode(mode.upper()), caller)
            if unfit is not None and not force:
                fail(f"{unfit} --force does it nevertheless.")
            said = why if unfit is None else f"{why} (forced: {unfit})"
            session.add(Switch(dialect=door, operation=operation, caller=caller, mode=Mode(mode.upper()), why=said))

    run(work(), settings)
    what = f"{operation or 'All calls'} of {caller or 'everybody'}"
    print_text(f"{door.dialect}: {what}: {mode.upper()}.")


async def _unfit(session: AsyncSession, door: Door, mode: Mode, caller: str | None) -> str | None:
    """Why a switch is not fit, whoever does not say --force."""
    if caller is not None:
        callers = await upstreams.known_callers(session, door)
        if caller not in callers:
            near = nearest(caller, callers)
            meant = f"Is {near} meant?" if near else "`crmgraph usage` tells who has."
            return f"{caller}: nobody has called {door.dialect} under this name. {meant}"
    if mode is Mode.SHADOW:
        from crmgraph.registry import DIALECTS
        from crmgraph.upstream import marks

        pulling = next((each.implementation.pulling for each in DIALECTS if each.door is door), None)
        read = await marks.watermarks(session, door)
        if pulling is not None and (unread := [each.name for each in pulling.sources if each.name not in read]):
            never = f"`crmgraph upstream pull {door.dialect}` has not read {', '.join(unread)} to the end once."
            return f"SHADOW: {never} Whatever lacks here would count as different."
    return None


@app.command()
def check(dialect: DialectArgument, demo: DemoOption = False) -> None:
    """See whether an upstream can be reached: its address, its certificate, and an answer in HTTP."""
    settings, door = settings_of(demo), door_named(dialect)

    async def work() -> list[str]:
        from crmgraph.upstream.connection import UpstreamError
        from crmgraph.upstream.forward import Client
        from crmgraph.upstream.places import tls_of

        async with opened(settings) as core, core.db.read() as session:
            found = await known(session, door)
        told = []
        for url in filter(None, (found.base_url, found.accounts_url)):
            networks = read_networks(settings.upstream_networks)
            try:
                base = read_base(url, insecure=found.insecure)
                addresses = await resolve(base, networks)
                client = Client(base, partial(_at_once, addresses), tls_of(base))
                start = time.perf_counter()
                path = (base.path or "") + "/"
                headers = [(b"Host", base.authority.encode()), (b"User-Agent", b"crmgraph")]
                answer = await client.send(b"GET", path.encode(), headers, None, framed=False)
                ms = (time.perf_counter() - start) * 1000
                client.release(answer)
                client.close()
                told.append(f"ok    {base}  {', '.join(addresses)}  HTTP {answer.status} in {ms:.0f} ms")
            except (BadPlaceError, UpstreamError) as error:
                told.append(f"fail  {url}  {error}")
        return told

    from crmgraph.registry import DIALECTS

    lines = run(work(), settings)
    for line in lines:
        print_text(line)
    (spoken,) = (each.implementation for each in DIALECTS if each.door is door)
    pulling = spoken.pulling or (None if spoken.telling is None else spoken.telling.pulling)
    for each in () if pulling is None else pulling.unknowable:
        print_text(f"never tells {each}")
    if any(line.startswith("fail") for line in lines):
        raise typer.Exit(1)


async def _at_once(addresses: list[str]) -> list[str]:
    return addresses
