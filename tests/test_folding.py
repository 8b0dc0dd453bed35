"""What a search folds and what an identity does: case by case, and that one is finer than the other."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmgraph.crm.values.folding import MAX_KEY, fold, identity, prefix_end
from crmgraph.crm.values.text import email_key, email_part, is_email

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.text(
    "aåÅÅıIİiſßẞσςΣéé-‐’'ﾊﾞバ かが゙й ё\u00a0ｱ", max_size=8
)

SAME = [
    "Sørensen Sorensen SØRENSEN sørensen",
    "Łukasik Lukasik ŁUKASIK",
    "Đorđević Dordevic Đorđevic",
    "Işık ışık IŞIK isik Isik",
    "Müller Muller MÜLLER Mu\u0308ller",
    "Strauß Strauss STRAUSS STRAUẞ",
    "Ægir Aegir ægir",
    "Œuvre oeuvre",
    "Þór Thor þór",
    "Guðrún Gudrun",
    "O'Brien O\u2019Brien O\u2018Brien O\u02bcBrien O\u2032Brien o\u00b4brien",
    "Smith-Jones Smith\u2010Jones Smith\u2011Jones Smith\u2012Jones Smith\u2013Jones Smith\u2014Jones Smith\u2015Jones",
    "Ｓｍｉｔｈ Smith ｓｍｉｔｈ",
    "Ñandú nandu",
    "Nguyễn Nguyen NGUYỄN",
    "Đặng Dang",
    "Παπαδόπουλος ΠΑΠΑΔΟΠΟΥΛΟΣ Παπαδοπουλος παπαδόπουλοσ",
    "שָׁלוֹם שלום",
    "مُحَمَّد محمد محـمد",
    "Семёнов Семенов СЕМЁНОВ",
    "за\u0301мок замок",
    "ｶﾞﾗｽ ガラス ガラス カ\u3099ラス",
    "ﬁrma firma",
    "Çelik Celik",
    "Škoda Skoda SKODA",
    "Ħal Hal",
    "soft\u00adhyphen softhyphen",
    "zero\u200bwidth zerowidth",
]
"""Words of a line are one to a search."""

OTHERS = [
    "ハハ パパ ババ",
    "はは ぱぱ ばば",
    "Андрей Андреи",
    "мой мои",
    "Київ Киів",
    "ўзбек узбек",
    "ѓавол гавол",
    "हिन्दी हनद",
    "ไทย ไท",
    "آمن امن أمن إمن",
    "가나 나가",
    "株式会社パパ 株式会社ハハ",
    "Smith Smyth",
    "ו וּא",
]
"""Words of a line are several to a search."""


@pytest.mark.parametrize("line", SAME)
def test_what_a_reader_takes_for_equal_is_one_to_a_search(line: str) -> None:
    assert len({fold(word) for word in line.split(" ")}) == 1


@pytest.mark.parametrize("line", OTHERS)
def test_a_mark_that_makes_another_letter_counts(line: str) -> None:
    words = line.split(" ")
    assert len({fold(word) for word in words}) == len({identity(word) for word in words}) == len(words)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Müller", "MÜLLER", True),
        ("Müller", "Mu\u0308ller", True),
        ("  Acme\u00a0 Corp ", "acme corp", True),
        ("ÉCOLE", "école", True),
        ("ДОМ", "дом", True),
        ("Müller", "Muller", False),
        ("Strauß", "Strauss", False),
        ("O'Brien", "O\u2019Brien", False),
        ("Smith-Jones", "Smith\u2010Jones", False),
        ("Ｓｍｉｔｈ", "Smith", False),
        ("soft\u00adhyphen", "softhyphen", False),
        ("x" * 999 + "a", "x" * 999 + "b", False),
    ],
)
def test_an_identity_folds_case_composition_and_blanks_alone(one: str, other: str, same: bool) -> None:
    assert (identity(one) == identity(other)) is same


@given(TEXTS)
def test_the_search_key_of_an_identity_is_that_of_the_text(text: str) -> None:
    """So two texts of one identity are one to a search: identity is finer."""
    assert fold(identity(text)) == fold(text)


@given(TEXTS, TEXTS)
def test_texts_of_one_identity_are_one_to_a_search(one: str, other: str) -> None:
    assert identity(one) != identity(other) or fold(one) == fold(other)


@given(TEXTS)
def test_both_foldings_have_an_end(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert identity(identity(text)) == identity(text)


@given(st.text(st.characters(max_codepoint=127), max_size=20))
def test_the_short_way_of_plain_text_is_the_way_of_all(text: str) -> None:
    assert fold(text + "é") == fold(text + "e")
    assert identity(text + " é") == (identity(text) + " é").strip()


@given(st.text(max_size=20), st.integers(0, 600))
def test_long_texts_are_not_one_for_their_beginning(end: str, more: int) -> None:
    for letter in ("a", "ä", "株", "𠀋"):
        long = letter * (400 + more)
        assert (fold(long + "x" + end) == fold(long + "y" + end)) is False
        assert len(fold(long + end).encode()) <= MAX_KEY


def test_a_line_of_plain_text_is_its_own_key_whole() -> None:
    assert fold("x" * 1000) == "x" * 1000


def test_letters_are_sorted_with_those_they_are_drawn_over() -> None:
    names = ["Ozon", "Østergaard", "Oslo", "Łukasik", "Lund", "Zorn", "Đorđević", "Dahl", "Wolf", "Ærø", "Adam"]
    assert sorted(names, key=fold) == [
        "Adam", "Ærø", "Dahl", "Đorđević", "Łukasik", "Lund", "Oslo", "Østergaard", "Ozon", "Wolf", "Zorn",
    ]  # fmt: skip


@given(st.text(min_size=1, max_size=10), st.text(max_size=5))
def test_a_prefix_is_a_range_of_keys(prefix: str, rest: str) -> None:
    end = prefix_end(prefix)
    assert prefix <= prefix + rest and (end is None or prefix + rest < end)


ONE_MAILBOX = [
    "eva@münchen.example EVA@MÜNCHEN.example eva@xn--mnchen-3ya.example eva@XN--MNCHEN-3YA.EXAMPLE",
    "eva@münchen.example eva@mu\u0308nchen.example",
    "rené@example.com rene\u0301@example.com RENÉ@example.com",
    "max@example.jp max@ｅｘａｍｐｌｅ.jp ｍａｘ@example.jp max@example。jp",
    "a@b.example \u00a0a@b.example a@b.example\t \u3000a@b.example\u2003",
    "x@faß.de X@FAß.de x@xn--fa-hia.de",
    "я@пример.испытание Я@ПРИМЕР.ИСПЫТАНИЕ я@xn--e1afmkfd.xn--80akhbyknj4f",
]
TWO_MAILBOXES = [
    "x@faß.de x@fass.de",
    "strauß@example.com strauss@example.com",
    "rené@example.com rene@example.com",
    "eva@münchen.example eva@munchen.example",
    "ışık@example.com isik@example.com",
    "パパ@example.jp ハハ@example.jp",
    "σας@example.gr σασ@example.gr",
    "a.b@example.com ab@example.com",
    "a+b@example.com a@example.com",
]


@pytest.mark.parametrize("line", ONE_MAILBOX)
def test_spellings_of_one_mailbox_are_one_email(line: str) -> None:
    addresses = re.split(" ", line)
    assert len({email_key(address) for address in addresses}) == 1
    assert is_email(addresses[0])


@pytest.mark.parametrize("line", TWO_MAILBOXES)
def test_two_mailboxes_are_two_emails(line: str) -> None:
    assert len({email_key(address) for address in line.split(" ")}) == 2


@given(TEXTS, TEXTS)
def test_the_key_of_an_email_is_its_own_key(local: str, domain: str) -> None:
    key = email_key(f"{local}@{domain}")
    assert email_key(key) == key


@pytest.mark.parametrize(
    ("part", "whole"),
    [("eva@mün", "eva@xn--mnchen-3ya.example"), ("xn--mnchen-3ya", ""), ("@MÜNCHEN.", ""), ("ｅｖａ", ""), ("", "")],
)
def test_a_part_of_an_email_is_found_in_its_key(part: str, whole: str) -> None:
    assert email_part(part) in email_key(whole or "Eva@München.example")


def test_the_page_says_what_both_do() -> None:
    page = Path(__file__).parents[1] / "docs/search-and-identity.md"
    row = re.compile(r"^\| `(.+?)` \| `(.+?)` \| (yes|no) \| (yes|no) \|", re.MULTILINE)
    rows = row.findall(page.read_text(encoding="utf-8"))
    assert len(rows) > 20
    for one, other, search, same in rows:
        keys = (email_key, email_key) if "@" in one else (fold, identity)
        told = tuple("yes" if key(one) == key(other) else "no" for key in keys)
        assert told == (search, same), (one, other)
