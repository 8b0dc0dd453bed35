"""An empty application with one program at every door, all of which act as the same member of the staff."""

from dataclasses import dataclass

import httpx

from crmgraph.crm.core import Core
from crmgraph.crm.identity import clients, staff
from crmgraph.crm.identity.credentials import add_credential
from crmgraph.crm.models import Door, Role
from tests.conftest import Running

PASSWORD = "correct horse battery"
GRANTS = {
    Door.ZOHO: ("ZohoCRM.modules.ALL",),
    Door.CRMCOM: ("contact_information",),
    Door.VALOMNIA: (),
}
LOGIN = "mutation($i: LoginInput!) { login(input: $i) { accessToken userErrors { code } } }"
PORTAL = {
    "correlationId": "1",
    "srDate": "11-09-2021",
    "source": "Selfcare",
    "destination": "CRM",
    "operation": "x",
    "type": "numbers",
    "email": "x",
}
"""The headers of every request to Covalense's door."""


@dataclass
class World:
    """Everybody's tokens.

    Attributes:
        graph: of the member of the staff.
        tokens: of the programs.
        users: ids of the members of the staff.
        password_hash: of every customer's password.
    """

    core: Core
    client: httpx.AsyncClient
    graph: str
    tokens: dict[Door, str]
    users: list[int]
    password_hash: str

    async def let_in(self, contact: int, email: str) -> str:
        """A customer's token at Covalense's door."""
        async with self.core.db.begin() as session:
            await add_credential(session, email=email, password_hash=self.password_hash, contact_id=contact)
        return await self.login(email)

    async def login(self, email: str) -> str:
        """A customer's token at Covalense's door, by the password that all of them have."""
        body = {"email": email, "password": PASSWORD}
        answer = await self.client.post("/crm/v1/login", headers=PORTAL, json=body)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["response"]["result"]["accessToken"]
        return token


async def founded(running: Running) -> World:
    """The people and the programs."""
    core = running.core
    password_hash = await core.passwords.hash(PASSWORD)
    async with core.db.begin() as session:
        users = [
            (await staff.add_staff(session, name, email, Role.ADMIN, hashed, sees_identity=True)).id
            for name, email, hashed in (("Ann", "ann@example.com", password_hash), ("Bob", None, None))
        ]
        made = {
            door: await clients.add_client(session, door, "Program", "program", password_hash, users[0], grants)
            for door, grants in GRANTS.items()
        }
    tokens = {door: await clients.issue(core.db, client, "access", seconds=None) for door, client in made.items()}
    variables = {"i": {"email": "ann@example.com", "password": PASSWORD}}
    answer = await running.client.post("/graphql", json={"query": LOGIN, "variables": variables})
    login = answer.json()["data"]["login"]
    assert login["userErrors"] == []
    return World(core, running.client, login["accessToken"], tokens, users, password_hash)
