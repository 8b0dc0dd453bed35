"""The demo: the sample records of the vendors' documents, and credentials that the running demo accepts."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

FILES = ("covalense", "zoho", "crmcom", "valomnia", "people")
"""The documents' records, one file each; a key stands in one of them and may be named in all."""

DATABASE, PHOTOS, MAIL = "demo.db", "demo-photos", "demo-mail"
"""What the demo keeps in its folder, beside `demo.json`: under names that nothing but a demo has."""


@dataclass(frozen=True, slots=True)
class Demo:
    """What makes one demo this demo: its secret and its credentials, kept in its folder.

    Attributes:
        secret: signs its tokens.
        credentials: as `crmgraph demo credentials --json` prints them.
    """

    folder: Path
    secret: str
    credentials: dict[str, Any]


def is_made(folder: Path) -> bool:
    """Whether there is a demo in this folder."""
    return (folder / "demo.json").exists()


def prepare(folder: Path) -> Demo:
    """The demo in this folder; a new one, with new secrets, when there is none.

    Raises:
        OSError: the folder cannot be read or written.
        ValueError: what is kept there is not what a demo keeps.
    """
    file = folder / "demo.json"
    try:
        kept = json.loads(file.read_text())
    except FileNotFoundError:
        kept = {"secret": secrets.token_urlsafe(48), "credentials": _new_credentials()}
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"demo.json.{os.getpid()}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            json.dump(kept, stream, indent=2)
        try:
            os.link(fresh, file)  # two that start together agree on the first one's secrets
        except FileExistsError:
            kept = json.loads(file.read_text())
        fresh.unlink()
    if not _is_whole(kept):
        raise ValueError(f"{file} is not what a demo keeps")
    return Demo(folder, kept["secret"], kept["credentials"])


def _is_whole(kept: Any) -> bool:
    if not isinstance(kept, dict) or not isinstance(kept.get("secret"), str):
        return False
    credentials = kept.get("credentials")
    return isinstance(credentials, dict) and credentials.keys() >= _new_credentials().keys()


def clear(folder: Path) -> None:
    """Take away everything that the demo kept in this folder; other files stay."""
    for name in (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", "demo.json"):
        (folder / name).unlink(missing_ok=True)
    for name in (PHOTOS, MAIL):
        shutil.rmtree(folder / name, ignore_errors=True)


def _new_credentials() -> dict[str, Any]:
    def password() -> str:
        return secrets.token_urlsafe(9)

    def token(prefix: str) -> str:
        return f"1000.{secrets.token_hex(16)}.{prefix}{secrets.token_hex(15)}"

    return {
        "staff": {"email": "ada@crmgraph.example", "password": password()},
        "customer": {"email": "marie@crmgraph.example", "password": password()},
        "covalense": {"email": "venkatesh@yopmail.com", "password": password()},
        "covalense_others": [],
        "zoho": {
            "client_id": f"1000.{secrets.token_hex(15).upper()}",
            "client_secret": secrets.token_hex(21),
            "refresh_token": token("a"),
            "access_token": token("b"),
            "unscoped_token": token("c"),
        },
        "crmcom": {
            "username": "demo",
            "password": password(),
            "organisation": "CRMGRAPH",
            "web_api_key": secrets.token_hex(16).upper(),
        },
        "valomnia": {"username": "demo@valomnia.example", "password": password()},
        "others_password": password(),
    }


def records() -> dict[str, dict[str, Any]]:
    """{file: its content} of every document that has sample records."""
    found = {}
    for name in FILES:
        file = resources.files(__package__).joinpath(f"{name}.json")
        if file.is_file():
            found[name] = json.loads(file.read_text(encoding="utf-8"))
    return found


def shown(demo: Demo) -> dict[str, Any]:
    """The credentials, with the other documented people's spelled out."""
    credentials = {key: value for key, value in demo.credentials.items() if key != "others_password"}
    credentials["covalense_others"] = [
        {"email": login["email"], "password": demo.credentials["others_password"]}
        for login in _logins(records())
        if login["password_key"] in ("covalense_others",)
    ]
    return credentials


def _logins(content: dict[str, dict[str, Any]]) -> Iterator[dict[str, str]]:
    for part in content.values():
        for record in part.get("contacts", ()):
            if login := record.get("login"):
                yield login


__all__ = ["Demo", "clear", "is_made", "prepare", "records", "shown"]
