"""What opens the doors of the demo, and what is behind them."""

from dataclasses import dataclass

from tests.conftest import Running

HEADERS = dict.fromkeys(("correlationId", "srDate", "source", "destination", "operation", "type", "email"), "x")
"""Headers that Covalense asks for."""
IDS = {
    "covalense": ("12x95809", "11x82078"),
    "zoho": ("738964000002148061", "1306462000000496025", "475243000003269880"),
    "crmcom": ("1F1D2D0DFD164BFA801BE87CA9E33915", "3459F30F71E7477495DF3AA3D278CC7D"),
    "valomnia": ("5", "3229", "C0959"),
}
"""Ids of records in the demo."""


@dataclass(frozen=True)
class Keys:
    """Tokens that hold."""

    covalense: str
    zoho: str
    crmcom: str
    valomnia: str
    graphql: str

    def headers(self, door: str) -> dict[str, str]:
        """The headers with which a request gets in. CRM.COM has its token in the request itself."""
        return {
            "covalense": HEADERS | {"token": self.covalense},
            "zoho": {"Authorization": f"Zoho-oauthtoken {self.zoho}"},
            "crmcom": {},
            "valomnia": {"Cookie": f"JSESSIONID={self.valomnia}"},
            "graphql": {"Authorization": f"Bearer {self.graphql}"},
        }[door]


async def keys_of(demo: Running) -> Keys:
    """Come in through every door."""
    client, known = demo.client, demo.credentials
    portal = await client.post("/crm/v1/login", headers=HEADERS, json=known["covalense"])
    crmcom = await client.post("/crmapi/rest/v2/authentication/token", json=known["crmcom"])
    valomnia = await client.post(
        "/j_spring_security_check",
        data={"j_username": known["valomnia"]["username"], "j_password": known["valomnia"]["password"]},
    )
    login = "mutation($i: LoginInput!) { login(input: $i) { accessToken } }"
    graph = await client.post("/graphql", json={"query": login, "variables": {"i": known["staff"]}})
    client.cookies.clear()
    return Keys(
        covalense=portal.json()["response"]["result"]["accessToken"],
        zoho=known["zoho"]["access_token"],
        crmcom=crmcom.json()["data"]["token"],
        valomnia=valomnia.cookies["JSESSIONID"],
        graphql=graph.json()["data"]["login"]["accessToken"],
    )
