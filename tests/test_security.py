"""Passwords, signing keys and opaque tokens."""

import asyncio
import base64
import json
import threading
import time

import argon2
import jwt
import pytest
from argon2.profiles import RFC_9106_LOW_MEMORY

from crmgraph.security import BadToken, Keys, Passwords, digest, new_token, password_fault

CHEAP = {"memory_kib": 8, "passes": 1, "parallelism": 1}
SECRET = "a secret of thirty-two characters"
OTHER = "another secret, as long as the one"


def in_an_hour() -> int:
    return int(time.time()) + 3600


def segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("1234567", ("password", 8)),
        ("12345678", None),
        ("пароль12", None),
        ("x" * 1024, None),
        ("x" * 1025, ("too_long", 1024)),
        ("abcdefg\ud800", ("control", None)),
    ],
)
def test_a_password_has_8_to_1024_characters(password: str, fault: object) -> None:
    assert password_fault(password) == fault


async def test_a_password_is_known_by_its_hash_and_no_other_is() -> None:
    passwords = Passwords(**CHEAP)
    kept = await passwords.hash("correct horse")
    assert kept.startswith("$argon2id$v=19$m=8,t=1,p=1$")
    assert await passwords.hash("correct horse") != kept
    assert await passwords.verify(kept, "correct horse") is True
    assert await passwords.verify(kept, "correct horsf") is False
    assert await passwords.verify(kept, "\ud800") is False
    passwords.close()


async def test_the_same_letters_composed_and_decomposed_are_one_password() -> None:
    passwords = Passwords(**CHEAP)
    assert await passwords.verify(await passwords.hash("caf\u00e9 au lait"), "cafe\u0301 au lait") is True
    passwords.close()


async def test_a_password_that_is_too_long_is_no_prefix_of_another() -> None:
    passwords = Passwords(**CHEAP)
    kept = await passwords.hash("x" * 1024)
    assert await passwords.verify(kept, "x" * 1025) is False
    assert await passwords.verify(kept, "x" * 1024) is True
    passwords.close()


@pytest.mark.parametrize("kept", [None, "", "!", "$2b$12$notargon"])
async def test_nobody_and_a_disabled_hash_cost_one_verification_at_the_full_price(
    kept: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: list[str] = []
    real = argon2.PasswordHasher.verify

    def noted(self: argon2.PasswordHasher, hash: str, password: bytes) -> bool:  # noqa: A002 - argon2's name
        try:
            return real(self, hash, password)
        except argon2.exceptions.VerifyMismatchError:
            worked.append(hash)
            raise

    monkeypatch.setattr(argon2.PasswordHasher, "verify", noted)
    passwords = Passwords(**CHEAP)
    assert await passwords.verify(kept, "correct horse") is False
    assert [each.split("$")[1:4] for each in worked] == [["argon2id", "v=19", "m=8,t=1,p=1"]]
    passwords.close()


async def test_no_more_hashes_are_made_at_once_than_allowed_even_when_callers_give_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lock, both, go_on = threading.Lock(), threading.Event(), threading.Event()
    at_work = most = 0

    def slow(self: argon2.PasswordHasher, password: bytes) -> str:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
            if at_work == 2:
                both.set()
        go_on.wait(30)
        time.sleep(0.01)
        with lock:
            at_work -= 1
        return "hash"

    monkeypatch.setattr(argon2.PasswordHasher, "hash", slow)
    passwords = Passwords(2, **CHEAP)
    callers = [asyncio.create_task(passwords.hash(str(n))) for n in range(8)]
    assert await asyncio.to_thread(both.wait, 30)
    callers[0].cancel()
    go_on.set()
    done = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(each) for each in done] == [asyncio.CancelledError] + [str] * 7
    assert most == 2
    passwords.close()


async def test_the_cost_is_the_second_choice_of_rfc_9106() -> None:
    passwords = Passwords()
    assert argon2.extract_parameters(await passwords.hash("correct horse")) == RFC_9106_LOW_MEMORY
    passwords.close()


async def test_a_hash_at_another_cost_is_to_be_made_anew() -> None:
    cheap = Passwords(**CHEAP)
    kept = await cheap.hash("correct horse")
    assert cheap.needs_rehash(kept) is False
    assert Passwords().needs_rehash(kept) is True
    cheap.close()


@pytest.mark.parametrize("secrets", [("x" * 31, ()), (SECRET, ("x" * 31,)), ("", ())])
def test_a_short_secret_is_refused(secrets: tuple[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="at least 32 characters"):
        Keys(*secrets)


def test_an_access_token_is_read_back_and_names_its_key() -> None:
    keys = Keys(SECRET)
    claims = {"sub": "7", "sid": "s", "exp": in_an_hour()}
    token = keys.sign(claims)
    assert keys.read(token) == claims
    header = jwt.get_unverified_header(token)
    assert header == {"alg": "HS256", "kid": header["kid"], "typ": "JWT"}
    assert SECRET not in token
    assert len(header["kid"]) == 16


def test_a_bare_token_has_the_form_of_the_documented_sample() -> None:
    token = Keys(SECRET).sign_bare({"sub": "v@yopmail.com", "jti": "s", "iat": 1586770892, "exp": 1589343092})
    header, claims, signature = token.split(".")
    # The header of the sample in Covalense's document, to the byte.
    assert header == "eyJhbGciOiJIUzI1NiJ9"
    padded = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
    assert padded == b'{"sub":"v@yopmail.com","jti":"s","iat":1586770892,"exp":1589343092}'
    assert len(signature) == 43


def test_tokens_of_a_retired_secret_are_good_and_new_ones_use_the_current() -> None:
    before = Keys(SECRET)
    claims = {"sub": "7", "exp": in_an_hour()}
    access, bare = before.sign(claims), before.sign_bare(claims)
    after = Keys(OTHER, [SECRET])
    assert after.read(access) == claims
    assert after.read_bare(bare) == claims
    with pytest.raises(BadToken, match="signature"):
        before.read(after.sign(claims))
    with pytest.raises(BadToken, match="signature"):
        before.read_bare(after.sign_bare(claims))
    with pytest.raises(BadToken, match="signature"):
        Keys(OTHER).read(access)


def test_a_token_of_one_form_is_refused_as_the_other() -> None:
    keys = Keys(SECRET)
    claims = {"sub": "7", "sid": "s", "jti": "s", "exp": in_an_hour()}
    with pytest.raises(BadToken, match="signature"):
        keys.read_bare(keys.sign(claims))
    with pytest.raises(BadToken, match="signature"):
        keys.read(keys.sign_bare(claims))


def test_a_token_signed_with_the_secret_itself_is_refused() -> None:
    keys = Keys(SECRET)
    kid = jwt.get_unverified_header(keys.sign({"exp": in_an_hour()}))["kid"]
    token = jwt.encode({"sub": "7", "exp": in_an_hour()}, SECRET, "HS256", headers={"kid": kid})
    with pytest.raises(BadToken, match="signature"):
        keys.read(token)
    with pytest.raises(BadToken, match="signature"):
        keys.read_bare(token)


@pytest.mark.parametrize(
    ("token", "reason"),
    [
        ("", "periods:0"),
        ("abc", "periods:0"),
        ("a.b", "periods:1"),
        ("a.b.c.d", "periods:3"),
        ("..", "malformed"),
        ("a.b.c", "malformed"),
        ("\ud800.b.c", "malformed"),
        ("é.b.c", "malformed"),
        ("x" * 5000 + "..", "malformed"),
        (f"{'W1tb' * 900}.e30.AAAA", "malformed"),
        (f"{segment([1])}.e30.AAAA", "malformed"),
        (f"{segment({'alg': 'HS256', 'kid': 5})}.e30.AAAA", "malformed"),
    ],
)
def test_what_is_no_token_is_refused_with_its_reason(token: str, reason: str) -> None:
    keys = Keys(SECRET)
    for read in (keys.read, keys.read_bare):
        with pytest.raises(BadToken) as refused:
            read(token)
        assert refused.value.reason == reason


@pytest.mark.parametrize("alg", ["none", "None", "HS384", "RS256", ["HS256"], None])
def test_another_algorithm_is_refused(alg: object) -> None:
    keys = Keys(SECRET)
    claims = {"sub": "7", "exp": in_an_hour()}
    kid = jwt.get_unverified_header(keys.sign(claims))["kid"]
    body = f"{segment({'alg': alg, 'kid': kid})}.{segment(claims)}"
    for read in (keys.read, keys.read_bare):
        for signature in ("", "AAAA"):
            with pytest.raises(BadToken):
                read(f"{body}.{signature}")


@pytest.mark.parametrize("form", ["", "_bare"])
def test_a_tampered_or_expired_token_is_refused(form: str) -> None:
    keys = Keys(SECRET)
    sign, read = getattr(keys, f"sign{form}"), getattr(keys, f"read{form}")
    header, _, signature = sign({"sub": "7", "exp": in_an_hour()}).split(".")
    with pytest.raises(BadToken, match="signature"):
        read(f"{header}.{segment({'sub': '8', 'exp': in_an_hour()})}.{signature}")
    with pytest.raises(BadToken, match="expired"):
        read(sign({"sub": "7", "exp": int(time.time()) - 1}))
    with pytest.raises(BadToken, match="malformed"):
        read(sign({"sub": "7"}))


def test_the_clock_of_the_issuer_may_go_ahead_of_ours() -> None:
    keys = Keys(SECRET)
    claims = {"sub": "7", "iat": in_an_hour(), "exp": in_an_hour() + 60}
    assert keys.read(keys.sign(claims)) == claims


def test_opaque_tokens_differ_and_are_kept_as_sha256() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert len(new_token()) == 43
    assert digest("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert len(digest("\ud800")) == 64


def test_an_access_token_has_one_spelling() -> None:
    keys = Keys("a secret that is long enough for this test")
    token = keys.sign({"sub": "1", "sid": "s", "exp": 2**33})
    assert keys.read(token)["sid"] == "s"
    head, body, signature = token.split(".")
    # What held is remembered by its text, which can so be no longer than we make it.
    for longer in (signature + "=" * 3000, signature[:5] + "!" * 3000 + signature[5:], signature + " " * 3000):
        with pytest.raises(BadToken):
            keys.read(f"{head}.{body}.{longer}")
