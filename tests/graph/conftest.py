"""Callers of the GraphQL endpoint: nobody, a customer and two of the staff, over an empty database of each kind."""

from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

from crmgraph.crm.core import Core
from crmgraph.crm.identity import staff
from crmgraph.crm.models import Door, PartyKind, Role
from crmgraph.crm.policy import Actor
from crmgraph.crm.records import parties
from crmgraph.crm.records.edits import Edit, RowEdits
from tests.conftest import Running

PASSWORD = "correct horse battery"
LOGIN = "mutation($i: LoginInput!) { login(input: $i) { accessToken refreshToken userErrors { code } } }"


@dataclass(frozen=True)
class Caller:
    """Somebody who asks the endpoint.

    Attributes:
        token: what they sign in with; None for nobody.
    """

    client: httpx.AsyncClient
    token: str | None = None

    async def post(self, query: str, variables: dict[str, Any] | None = None, **headers: str) -> httpx.Response:
        """The response to an operation."""
        body = {"query": query} | ({"variables": variables} if variables is not None else {})
        return await self.client.post("/graphql", json=body, headers=self.headers | headers)

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.token is None else {"authorization": f"Bearer {self.token}"}

    async def __call__(self, query: str, **variables: Any) -> Any:
        """The data of an operation that goes well."""
        response = await self.post(query, variables)
        assert response.status_code == 200, response.text
        assert "errors" not in response.json(), response.text
        return response.json()["data"]

    async def errors(self, query: str, **variables: Any) -> list[tuple[str, str]]:
        """The (code, message) of every error at the top level."""
        body = (await self.post(query, variables)).json()
        return [(error["extensions"]["code"], error["message"]) for error in body["errors"]]

    async def login(self, email: str, password: str = PASSWORD) -> "Caller":
        """The same caller, signed in."""
        data = await replace(self, token=None)(LOGIN, i={"email": email, "password": password})
        assert data["login"]["userErrors"] == []
        return replace(self, token=data["login"]["accessToken"])


@pytest.fixture
def nobody(running: Running) -> Caller:
    return Caller(running.client)


async def employee_of(demo: Running) -> Caller:
    """The demo's own member of the staff, signed in."""
    return await Caller(demo.client).login(**demo.credentials["staff"])


async def hired(core: Core, nobody: Caller, email: str, role: Role, *, sees_identity: bool = False) -> Caller:
    """A member of the staff, signed in."""
    password_hash = await core.passwords.hash(PASSWORD)
    async with core.db.begin() as session:
        await staff.add_staff(session, email.partition("@")[0].title(), email, role, password_hash, sees_identity)
    return await nobody.login(email)


@pytest.fixture
async def agent(core: Core, nobody: Caller) -> Caller:
    """Staff without the right to see identity documents."""
    return await hired(core, nobody, "agent@example.com", Role.AGENT)


@pytest.fixture
async def admin(core: Core, nobody: Caller) -> Caller:
    return await hired(core, nobody, "admin@example.com", Role.ADMIN)


SIGNUP = """mutation($input: SignupInput!) { signup(input: $input) {
  viewer { id email role contact { id } account { id } } accessToken refreshToken
  userErrors { code message path } } }"""


@dataclass(frozen=True)
class Customer(Caller):
    """A customer, with the ids of what is theirs."""

    contact: str = ""
    account: str = ""


async def signed_up(nobody: Caller, email: str, **values: Any) -> Customer:
    """A customer with an account of their own."""
    given = {"email": email, "password": PASSWORD, "lastName": "Ray", "account": {"name": "Ray Ltd"}} | values
    data = (await nobody(SIGNUP, input=given))["signup"]
    assert data["userErrors"] == []
    viewer = data["viewer"]
    return Customer(nobody.client, data["accessToken"], viewer["contact"]["id"], viewer["account"]["id"])


@pytest.fixture
async def customer(nobody: Caller) -> Customer:
    return await signed_up(nobody, "ray@example.com")


OFFICE = Actor(Door.IMPORT, Role.ADMIN, sees_identity=True)
"""Who puts records into the database of a test."""


async def put(core: Core, kind: PartyKind, *records: dict[str, Any]) -> list[int]:
    """The ids of new records. `phones`, `emails` and `addresses` are their rows, all else their columns."""
    made = []
    async with core.db.begin() as session:
        for record in records:
            rows = {name: RowEdits(add=record.pop(name, [])) for name in ("phones", "emails", "addresses")}
            made.append((await parties.create(session, OFFICE, kind, Edit(record, **rows))).id)
    return made
