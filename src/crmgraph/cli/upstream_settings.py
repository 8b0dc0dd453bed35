"""What is said of an old CRM beside who answers: its settings, and the secrets that calling it takes."""

import sys
from typing import Annotated

import typer

from crmgraph.cli.console import DemoOption, fail, opened, print_text, run, settings_of
from crmgraph.cli.upstream import DialectArgument, known
from crmgraph.cli.usage import door_named
from crmgraph.crm.models import UpstreamSecret, now
from crmgraph.crm.upstream_settings import BadSettingError, read_value, secret_named, setting_named, shown
from crmgraph.upstream.secrets import LONGEST, SecretError, checked, read_file, seal


def set_(
    dialect: DialectArgument,
    key: Annotated[str, typer.Argument(help="What, as `crmgraph upstream show` lists it.")],
    value: Annotated[str, typer.Argument(help="What from now on; `default` for what holds where nobody says.")],
    demo: DemoOption = False,
) -> None:
    """Set something of an upstream: a second later every server does as it is said."""
    settings, door = settings_of(demo), door_named(dialect)
    try:
        setting = setting_named(door, key)
        wanted = None if value == "default" else read_value(setting, value)
    except BadSettingError as bad:
        fail(str(bad))

    async def work() -> None:
        async with opened(settings) as core, core.db.begin() as session:
            found = await known(session, door)
            others = {name: kept for name, kept in found.options.items() if name != key}
            found.options = others if wanted is None else others | {key: wanted}

    run(work(), settings)
    print_text(f"{door.dialect}: {key}: {value if wanted is None else shown(wanted)}.")


def secret(
    dialect: DialectArgument,
    name: Annotated[str, typer.Argument(help="Which, as `crmgraph upstream show` lists them.")],
    variable: Annotated[
        str | None, typer.Option("--env", help="It stands in this variable of the environment, and is not kept here.")
    ] = None,
    file: Annotated[str | None, typer.Option(help="It stands in this file, and is not kept here.")] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Forget it.")] = False,
    demo: DemoOption = False,
) -> None:
    """Say a secret that calling an upstream takes, or where it stands.

    Without an option it is read from the standard input, one line, and kept sealed. It is never printed.
    """
    settings, door = settings_of(demo), door_named(dialect)
    try:
        which = secret_named(door, name)
    except BadSettingError as bad:
        fail(str(bad))
    if sum((variable is not None, file is not None, forget)) > 1:
        fail("--env, --file and --forget: give one of them.")
    of = f"{door.dialect}: {which.name}"
    value = None
    try:
        if file is not None:
            read_file(file, of)  # that it can be read is said now rather than by night
        elif variable is None and not forget:
            value = checked(_given(of), of)
    except SecretError as bad:
        fail(str(bad))

    async def work() -> None:
        async with opened(settings) as core, core.db.begin() as session:
            await known(session, door)
            row = await session.get(UpstreamSecret, (door, which.name))
            if forget:
                if row is None:
                    fail(f"{of} is not kept here.")
                await session.delete(row)
                return
            sealed = None if value is None else seal(core.keys, which, value)
            given = {"sealed": sealed, "variable": variable, "file": file, "at": now()}
            if row is None:
                session.add(UpstreamSecret(dialect=door, name=which.name, **given))
            else:
                for column, each in given.items():
                    setattr(row, column, each)

    run(work(), settings)
    where = "is forgotten" if forget else "is kept, sealed"
    if variable is not None or file is not None:
        where = f"is read from the {'variable' if variable is not None else 'file'} {variable or file}"
    print_text(f"{of} {where}.")


def _given(of: str) -> bytes:
    """What is typed without being shown, or piped in."""
    if sys.stdin.isatty():
        return str(typer.prompt(of, hide_input=True, err=True)).encode()
    return sys.stdin.buffer.read(LONGEST + 2)
