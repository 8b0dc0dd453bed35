"""Employees: add them, see who they are, change what they may, and keep them out."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.cli.console import DemoOption, fail, opened, out, run, settings_of
from crmgraph.crm.errors import Ambiguous, NotFound
from crmgraph.crm.identity import staff
from crmgraph.crm.models import Role, Staff
from crmgraph.password_strength import is_guessable
from crmgraph.security import password_fault
from crmgraph.suggestions import nearest

app = typer.Typer(no_args_is_help=True, help="Employees, who sign in and own records.")


class StaffRole(StrEnum):
    """What an employee can be: every role but a customer's."""

    AGENT = Role.AGENT.value
    ADMIN = Role.ADMIN.value


def _role(name: str) -> StaffRole:
    """The role of this name, in any case of letters."""
    if name.upper() in list(StaffRole):
        return StaffRole(name.upper())
    near = nearest(name, list(StaffRole))
    raise typer.BadParameter(f"{name!r} is not one of {', '.join(StaffRole)}" + (f"; is {near} meant?" if near else ""))


def _password(given: str | None, *own: str) -> str:
    """The password from the option, CRMGRAPH_PASSWORD, or typed in; never echoed.

    Args:
        own: the name and the email of whose it is to be.
    """
    try:
        password = given or typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    except typer.Abort:
        fail("No password was given, and nothing was changed; scripts set CRMGRAPH_PASSWORD.")
    if password_fault(password):
        fail("The password cannot be taken: it has to have 8 to 1024 characters.")
    if is_guessable(password, own):
        fail("The password cannot be taken: it is too common, or made of their name or email.")
    return str(password)


async def member_named(session: AsyncSession, who: str) -> Staff:
    """The employee of this id or email; the program ends where there is none, or several are meant."""
    try:
        return await staff.named(session, who)
    except NotFound:
        fail(f"{who or 'Nothing'}: nobody of the staff has this id or email; `crmgraph staff list` shows who there is.")
    except Ambiguous:
        fail(f"{who}: several have this email: say their id, as `crmgraph staff list` tells it.")


WhoArgument = Annotated[str, typer.Argument(help="Their id, as `crmgraph staff list` tells it, or their email.")]
PasswordOption = Annotated[
    str | None, typer.Option(envvar="CRMGRAPH_PASSWORD", help="Asked for when it is not given.", show_envvar=True)
]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The full name.")],
    email: Annotated[str, typer.Argument(help="The email to sign in with.")],
    role: Annotated[
        StaffRole, typer.Option(parser=_role, help="AGENT works on every record; ADMIN sees identity documents too.")
    ] = StaffRole.AGENT,
    sees_identity: Annotated[bool, typer.Option(help="Shows identity documents to this agent.")] = False,
    password: PasswordOption = None,
    demo: DemoOption = False,
) -> None:
    """Add an employee who can sign in."""
    settings = settings_of(demo)
    secret = _password(password, name, email)

    async def work() -> int:
        async with opened(settings) as core:
            hashed = await core.passwords.hash(secret)
            async with core.db.begin() as session:
                return (await staff.add_staff(session, name, email, Role(role.value), hashed, sees_identity)).id

    out.print(f"Added {name}, {role.value}, with id {run(work(), settings)}.", highlight=False)


@app.command("list")
def list_(demo: DemoOption = False) -> None:
    """Print all staff, a line each: id, email, role, name, and whether they are kept out."""
    settings = settings_of(demo)

    async def work() -> list[Staff]:
        async with opened(settings) as core, core.db.read() as session:
            found, _ = await staff.members(session, active=None, limit=10_000)
            return found

    for member in run(work(), settings):
        kept_out = "" if member.active else "  (disabled)"
        line = f"{member.id}  {member.email or '-'}  {member.role.value}  {member.name}{kept_out}"
        out.print(line, markup=False, highlight=False)


@app.command()
def password(who: WhoArgument, password: PasswordOption = None, demo: DemoOption = False) -> None:
    """Set an employee's password; every login of theirs ends. Who had none can sign in from now on."""
    settings = settings_of(demo)
    secret = _password(password, who)

    async def work() -> str:
        async with opened(settings) as core:
            hashed = await core.passwords.hash(secret)
            async with core.db.begin() as session:
                member = await member_named(session, who)
                await staff.put_password(session, member, hashed)
                return member.name

    out.print(f"{run(work(), settings)} has a new password.", markup=False, highlight=False)


@app.command("email")
def change_email(
    who: WhoArgument,
    email: Annotated[str, typer.Argument(help="The email from now on.")],
    demo: DemoOption = False,
) -> None:
    """Change an employee's email, which is what they sign in with; their sessions go on."""
    settings = settings_of(demo)

    async def work() -> str:
        async with opened(settings) as core, core.db.begin() as session:
            member = await member_named(session, who)
            await staff.put_email(session, member, email)
            return member.name

    out.print(f"{run(work(), settings)} has the email {email.strip()} now.", markup=False, highlight=False)


@app.command("role")
def change_role(
    who: WhoArgument,
    role: Annotated[StaffRole, typer.Argument(parser=_role, help="AGENT or ADMIN.")],
    demo: DemoOption = False,
) -> None:
    """Make an employee an agent or an administrator, at once."""
    _change(who, demo, f"is {role.value} now", role=Role(role.value))


@app.command()
def rights(
    who: WhoArgument,
    sees_identity: Annotated[
        bool | None, typer.Option("--sees-identity/--no-sees-identity", help="Shows identity documents to this agent.")
    ] = None,
    demo: DemoOption = False,
) -> None:
    """Give an employee rights or take them, at once."""
    if sees_identity is None:
        fail("Say which right: --sees-identity or --no-sees-identity.")
    told = (
        "sees identity documents now" if sees_identity else "sees no identity documents now, unless as an administrator"
    )
    _change(who, demo, told, sees_identity=sees_identity)


@app.command()
def disable(who: WhoArgument, demo: DemoOption = False) -> None:
    """Keep an employee out, and every client that acts as them, at once. Their records stay theirs."""
    _change(who, demo, "is kept out", active=False)


@app.command()
def enable(who: WhoArgument, demo: DemoOption = False) -> None:
    """Let an employee in again, and the clients that act as them."""
    _change(who, demo, "is let in", active=True)


def _change(who: str, demo: bool, told: str, **columns: Any) -> None:
    settings = settings_of(demo)

    async def work() -> None:
        async with opened(settings) as core, core.db.begin() as session:
            member = await member_named(session, who)
            for name, value in columns.items():
                setattr(member, name, value)

    run(work(), settings)
    out.print(f"{who} {told}.", markup=False, highlight=False)
