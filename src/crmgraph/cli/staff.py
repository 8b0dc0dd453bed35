"""Employees: add them, see who they are, and keep them out."""

from typing import Annotated

import typer

from crmgraph.cli.console import DemoOption, fail, opened, out, run, settings_of
from crmgraph.crm import staff
from crmgraph.crm.models import Role, Staff
from crmgraph.security import password_fault

app = typer.Typer(no_args_is_help=True, help="Employees, who sign in and own records.")


def _password(given: str | None) -> str:
    """The password from the option, CRMGRAPH_PASSWORD, or typed in; never echoed."""
    password = given or typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    if password_fault(password):
        fail("The password cannot be taken: it has to have 8 to 1024 characters.")
    return str(password)


IdArgument = Annotated[int, typer.Argument(help="Their id, as `crmgraph staff list` tells it.")]
PasswordOption = Annotated[
    str | None, typer.Option(envvar="CRMGRAPH_PASSWORD", help="Asked for when it is not given.", show_envvar=True)
]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The full name.")],
    email: Annotated[str, typer.Argument(help="The email to sign in with.")],
    role: Annotated[
        Role, typer.Option(help="AGENT works on every record; ADMIN sees identity documents too.")
    ] = Role.AGENT,
    sees_identity: Annotated[bool, typer.Option(help="Shows identity documents to this agent.")] = False,
    password: PasswordOption = None,
    demo: DemoOption = False,
) -> None:
    """Add an employee who can sign in."""
    if role is Role.CUSTOMER:
        fail("Staff are AGENT or ADMIN.")
    settings = settings_of(demo)
    secret = _password(password)

    async def work() -> int:
        async with opened(settings) as core:
            hashed = await core.passwords.hash(secret)
            async with core.db.begin() as session:
                return (await staff.add_staff(session, name, email, role, hashed, sees_identity)).id

    out.print(f"Added {name}, {role.value}, with id {run(work())}.", highlight=False)


@app.command("list")
def list_(demo: DemoOption = False) -> None:
    """Print all staff, a line each: id, email, role, name, and whether they are kept out."""

    async def work() -> list[Staff]:
        async with opened(settings_of(demo)) as core, core.db.read() as session:
            found, _ = await staff.members(session, active=None, limit=10_000)
            return found

    for member in run(work()):
        kept_out = "" if member.active else "  (disabled)"
        line = f"{member.id}  {member.email or '-'}  {member.role.value}  {member.name}{kept_out}"
        out.print(line, markup=False, highlight=False)


@app.command()
def disable(staff_id: IdArgument, demo: DemoOption = False) -> None:
    """Keep an employee out, and every client that acts as them, at once. Their records stay theirs."""
    _switch(staff_id, demo, False)


@app.command()
def enable(staff_id: IdArgument, demo: DemoOption = False) -> None:
    """Let an employee in again, and the clients that act as them."""
    _switch(staff_id, demo, True)


def _switch(staff_id: int, demo: bool, active: bool) -> None:
    async def work() -> None:
        async with opened(settings_of(demo)) as core, core.db.begin() as session:
            await staff.switch(session, staff_id, active)

    run(work())
    out.print(f"{staff_id} is {'let in' if active else 'kept out'}.", markup=False, highlight=False)
