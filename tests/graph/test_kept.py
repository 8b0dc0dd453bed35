"""What is remembered of the texts of clients is bounded in bytes."""

import tracemalloc

import pytest
from graphql import parse

from crmgraph.cache import Kept, digest_of
from crmgraph.crm.values.text import MAX_EMAIL, is_email
from crmgraph.graph.documents.limits import MAX_TOKENS
from crmgraph.graph.documents.preparation import TOKEN_BYTES

MEBIBYTE = 2**20


def test_the_last_used_stay_within_so_many_bytes() -> None:
    kept: Kept[str] = Kept(100)
    for n in range(10):
        kept.put(n, str(n), 25)
        kept.get(0)
    assert (kept.size, len(kept), kept.get(0), kept.get(9), kept.get(6)) == (100, 4, "0", "9", None)
    kept.put("large", "text", 101)
    assert ("large" in kept, kept.size) == (False, 100)
    kept.put("whole", "text", 100)
    assert (kept.get("whole"), len(kept), kept.size, kept.most) == ("text", 1, 100, 100)


def test_a_text_is_known_by_sixteen_bytes() -> None:
    assert len(digest_of("x" * 100_000)) == 16
    assert digest_of("a") != digest_of("b") and digest_of("\ud800") != digest_of("?")


@pytest.mark.parametrize(
    "text",
    [
        "{ me { " + "id " * (MAX_TOKENS - 10) + "} }",
        "{ contacts(filter: {lastName: {in: [" + '"a" ' * 1_000 + "]}}) { totalCount } }",
        "{ contacts(filter: {or: [" + '{lastName: {eq: "a"}} ' * 100 + "]}) { totalCount } }",
        "{ me { id } }" + "\n# padded" * 3_900,
        "{ me { id } } #" + "x" * 90_000,
        '{ contact(by: {id: "' + "\u00fc" * 90_000 + '"}) { id } }',
    ],
)
def test_a_document_takes_no_more_than_is_reckoned(text: str) -> None:
    tracemalloc.start()
    try:
        document = parse(text, max_tokens=MAX_TOKENS)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken <= 4 * len(text) + TOKEN_BYTES * document.token_count


def test_what_is_too_long_for_an_email_is_not_remembered() -> None:
    longest = "a@" + "b" * (MAX_EMAIL - 6) + ".com"
    tracemalloc.start()
    try:
        for n in range(200):
            assert not is_email(f"{n}" + "x" * 200_000 + "@example.com")
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken < MEBIBYTE
    assert not is_email(longest + "m")
