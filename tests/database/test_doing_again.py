"""A transaction that PostgreSQL gives up in favour of another is done once more, whoever asked for it and for what."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
import structlog
from PIL import Image

from crmgraph.demo import Demo
from tests.conftest import serving, settings_for
from tests.database.connections import connected
from tests.dialects.covalense.conftest import Portal, result
from tests.graph.test_sessions import code_of, emails_in

GIVEN_UP = """
CREATE SEQUENCE tried;
CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('tried') = 1 THEN RAISE EXCEPTION 'given up' USING ERRCODE = '{code}'; END IF;
  RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER given_up BEFORE INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION give_up();
"""
"""The first row of a table that is written ends its transaction, as a deadlock does; sequences are not rolled back."""
OVER = "DROP TRIGGER given_up ON {table}; DROP FUNCTION give_up; DROP SEQUENCE tried"
PASSWORD, OTHER = "tiger on a bicycle", "lion on a tricycle"


class Steps:
    """Writes of a person and of a program, each at the front door, in the order in which they need one another."""

    def __init__(self, client: Any, own: dict[str, Any], folder: Path) -> None:
        self.client, self.own, self.folder, self.token, self.refresh = client, own, folder, "", ""
        self.email, self.posted, self.portal = "new@example.com", 0, Portal(client)

    async def graph(self, name: str, kind: str, given: dict[str, Any], told: str = "") -> Any:
        query = f"mutation($i: {kind}!) {{ {name}(input: $i) {{ {told} userErrors {{ code }} }} }}"
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        body = {"query": query, "variables": {"i": given}}
        answer = (await self.client.post("/graphql", json=body, headers=headers)).json()
        assert "errors" not in answer, answer
        assert answer["data"][name]["userErrors"] == []
        return answer["data"][name]

    async def code(self) -> str:
        return code_of(await self.emailed())

    async def emailed(self) -> str:
        self.posted += 1
        return (await emails_in(self.folder / "mail", self.posted))[-1][1]

    async def covalense_signup(self) -> None:
        person = {"Platform": "Postpaid", "LastName": "New", "EmailAddress": self.email}
        answer = await self.portal.send("POST", "signup", {"AcctInfo": person, "Password": PASSWORD})
        assert result(answer) == {"salesOrder": {"salesorder_no": "SO1"}}

    async def confirm(self) -> None:
        told = await self.graph("confirmSignup", "ConfirmSignupInput", {"code": await self.code()}, "accessToken")
        assert told["accessToken"]

    async def login(self) -> None:
        self.token = ""
        given = {"email": self.email, "password": PASSWORD}
        told = await self.graph("login", "LoginInput", given, "accessToken refreshToken")
        self.token, self.refresh = told["accessToken"], told["refreshToken"]

    async def refreshing(self) -> None:
        given = {"refreshToken": self.refresh}
        told = await self.graph("refreshSession", "RefreshSessionInput", given, "accessToken")
        self.token = told["accessToken"]

    async def image(self) -> None:
        token = await self.portal.login(self.email, PASSWORD)
        data = io.BytesIO()
        Image.new("RGB", (2, 2)).save(data, "PNG")
        image = base64.b64encode(data.getvalue()).decode()
        result(await self.portal.send("PUT", "profile/image", {"ProfileImage": image}, token=token))

    async def password(self) -> None:
        given = {"currentPassword": PASSWORD, "newPassword": OTHER}
        await self.graph("changePassword", "ChangePasswordInput", given)

    async def forgot(self) -> None:
        await self.graph("requestPasswordReset", "RequestPasswordResetInput", {"email": self.email})

    async def reset(self) -> None:
        given = {"code": await self.code(), "newPassword": PASSWORD}
        await self.graph("resetPassword", "ResetPasswordInput", given)

    async def other_email(self) -> None:
        await self.login()
        given = {"email": "other@example.com", "currentPassword": PASSWORD}
        await self.graph("changeEmail", "ChangeEmailInput", given)

    async def confirm_email(self) -> None:
        await self.graph("confirmEmail", "ConfirmEmailInput", {"code": await self.code()})
        self.email = "other@example.com"
        assert "This email address does not open your login any more" in await self.emailed()  # to the former one

    async def logout(self) -> None:
        await self.login()
        query = {"query": "mutation { logout { userErrors { code } } }"}
        answer = await self.client.post("/graphql", json=query, headers={"Authorization": f"Bearer {self.token}"})
        assert answer.json() == {"data": {"logout": {"userErrors": []}}}
        self.token = ""

    async def graph_signup(self) -> None:
        given = {"email": "third@example.com", "password": PASSWORD, "lastName": "Third", "account": {"name": "T"}}
        await self.graph("signup", "SignupInput", given)

    async def zoho(self) -> None:
        given = {name: self.own["zoho"][name] for name in ("client_id", "client_secret", "refresh_token")}
        answer = await self.client.post("/oauth/v2/token", data={"grant_type": "refresh_token", **given})
        assert answer.json()["access_token"]


WRITES = [
    ("covalense_signup", "sales_order"),
    ("confirm", "credential"),
    ("login", "session"),
    ("refreshing", "refresh_token"),
    ("image", "photo"),
    ("password", "credential"),
    ("forgot", "proof"),
    ("reset", "credential"),
    ("other_email", "proof"),
    ("confirm_email", "email"),
    ("logout", "attempt"),
    ("graph_signup", "job"),
    ("zoho", "legacy_token"),
]
"""What is done, and the table of which the first row that is written then ends its transaction."""


@pytest.mark.parametrize("code", ["40P01", "40001"])
@pytest.mark.parametrize("demo_database", ["postgresql"], indirect=True)
async def test_every_write_of_a_person_or_a_program_is_done_again(
    demo_database: tuple[str, Demo], tmp_path: Path, code: str
) -> None:
    url, demo = demo_database
    settings = settings_for(url, tmp_path, signup_confirm=True, log_level="warning")
    async with connected(url) as other, serving(settings) as (client, _):
        steps = Steps(client, demo.credentials, tmp_path)
        for step, table in WRITES:
            await other.execute(GIVEN_UP.format(code=code, table=table))
            with structlog.testing.capture_logs() as lines:
                await getattr(steps, step)()
            await other.execute(OVER.format(table=table))
            told = [line["event"] for line in lines if line["event"] != "request"]
            assert told == ["a transaction is done again"], (step, lines)
