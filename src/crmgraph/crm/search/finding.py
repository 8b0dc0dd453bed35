"""Finding: the records that a text names, the best hits first.

Every word of the text has to be found in a record, in any of its places, as the beginning of a term. A hit weighs the
sum of its words: each counts the place (`SearchField`) and whether the whole term was typed. Of several words the
rarest one leads to the records, and the others are asked of each: which one that is, is counted first. Where it has
more rows than `FEW`, those words that have less than `COUNTED` are joined; where the others have more, the rows of the
rarest are walked in the order of the index, whole words first, until there are `MOST` hits. Contacts that are found by
the name of their account come after all others. See docs/decisions/search.md.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from crmgraph.crm.models import TERM_KINDS, PartyKind
from crmgraph.crm.policy import Actor, sees_all, visibility_key, visibility_values
from crmgraph.crm.query import snapshots
from crmgraph.crm.search import statements
from crmgraph.crm.search.question import Word, readings, variants
from crmgraph.crm.search.statements import MOST, Shape, own_of, values_of
from crmgraph.crm.search.through_accounts import through
from crmgraph.crm.values.search_terms import LAST
from crmgraph.db.database import database_of

COUNTED = 40_000
"""How far the rows of a word are counted, to know which one is the rarest."""
FEW = 2_000
"""How many rows of the index are rather all looked at than walked in their order."""
MAX_VARIANTS = 8
"""How many words that are one mistake away are looked for together."""
_SIZES = (1, 2, 4, MAX_VARIANTS)
"""Of how many words such a part of a question is made."""
MAX_MISTYPED = 3
"""How many words of a text are taken for mistyped, one after the other, the longest first."""
_FORGIVEN = 100
"""What a mistake adds to the weight of a hit."""
_KINDS = {number: kind for kind, number in TERM_KINDS.items()}
_BEGIN = (-_FORGIVEN, 0)
"""What stands before every hit."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A record that was found. Hits are sorted by `weight`, then `id`.

    Attributes:
        words: what it was found by: the question, with what was mistyped put right.
    """

    weight: int
    id: int
    kind: PartyKind
    words: tuple[Word, ...] = ()


async def find(
    session: AsyncSession,
    actor: Actor,
    text: str,
    kinds: Collection[PartyKind],
    *,
    limit: int = MOST,
    after: tuple[int, int] | None = None,
) -> list[Hit]:
    """The first hits of a text among the live records that an actor may see.

    It takes a statement for one word and two for several; where nothing is found, a few more for what was mistyped.

    Args:
        limit: how many hits; no more than `MOST` are ever told.
        after: weight and id of the hit before the wanted ones.
    """
    asked = tuple(kind for kind in PartyKind if kind in kinds and (sees_all(actor) or kind in own_of(actor)))
    if not asked or limit < 1:
        return []
    search = _Search(session, actor, asked, min(limit, MOST), after)
    read = readings(text)
    for words in read:
        if (found := await search.page(words)) is not None:
            return found
    return await search.forgiving(read[-1]) if read else []


@dataclass(frozen=True, slots=True)
class _Search:
    """A search of one actor for some kinds of record."""

    session: AsyncSession
    actor: Actor
    kinds: tuple[PartyKind, ...]
    limit: int
    after: tuple[int, int] | None

    @property
    def leading(self) -> tuple[PartyKind, ...]:
        """The kinds whose words lead to hits: those of accounts to contacts too."""
        led = PartyKind.CONTACT in self.kinds
        return tuple(kind for kind in PartyKind if kind in self.kinds or (led and kind is PartyKind.ACCOUNT))

    async def page(self, words: tuple[Word, ...], penalty: int = 0) -> list[Hit] | None:
        """The wanted hits of one reading; None where it has no hits at all, wherever the page begins."""
        sizes = wide = None
        if len(words) > 1 and sees_all(self.actor):
            counted = await self.sizes(words, *dict.fromkeys((self.kinds, self.leading)))
            sizes, wide = counted[0], counted[-1]
            if 0 in wide:
                return None
        found = [] if sizes is not None and 0 in sizes else await self.hits(words, sizes, penalty)
        if len(found) < self.limit:
            found += await self.through_accounts(words, wide, self.limit - len(found), penalty)
        if found:
            return found
        if self.after is not None and await replace(self, after=None, limit=1).page(words):
            return []
        return None

    async def through_accounts(
        self, words: tuple[Word, ...], sizes: list[int] | None, limit: int, penalty: int
    ) -> list[Hit]:
        """The contacts that one reading finds by the name of their account. A customer knows theirs."""
        driver = 0 if sizes is None else min(range(len(words)), key=sizes.__getitem__)
        if PartyKind.CONTACT not in self.kinds or not sees_all(self.actor) or (sizes and sizes[driver] > FEW):
            return []
        counts = tuple(len(word.prefixes) for word in words)
        key = ("contacts of accounts", counts, driver, visibility_key(self.actor))
        actor, sqlite = self.actor, database_of(self.session).is_sqlite
        rows = await snapshots.rows_of(
            self.session,
            key,
            lambda: through(sqlite, counts, driver, actor),
            self._values(words, penalty) | {"most": limit},
            chosen=True,
        )
        return [Hit(row[0] + penalty, row[1], PartyKind.CONTACT, words) for row in rows]

    def _values(self, words: tuple[Word, ...], penalty: int) -> dict[str, Any]:
        weight, own_id = self.after or _BEGIN
        values = values_of(words) | visibility_values(self.actor)
        return values | {"after_weight": weight - penalty, "after_id": own_id, "most": self.limit}

    async def hits(self, words: tuple[Word, ...], sizes: list[int] | None, penalty: int) -> list[Hit]:
        """The hits of one reading by words of their own.

        Args:
            sizes: of the words, where there are several.
        """
        counts = tuple(len(word.prefixes) for word in words)
        joined: tuple[int, ...] = ()
        driver, walked = 0, len(words) == 1 and sees_all(self.actor)
        if sizes is not None:
            driver = min(range(len(words)), key=lambda i: (sizes[i], -len(words[i].prefixes[0])))
            if sizes[driver] > FEW:
                joined = tuple(i for i, size in enumerate(sizes) if size < COUNTED)
                joined = joined if len(joined) > 1 else ()
                walked = not joined
        shape = Shape(counts, driver, walked, joined, self.kinds)
        values = self._values(words, penalty)
        key = ("search", shape, visibility_key(self.actor))
        actor, sqlite = self.actor, database_of(self.session).is_sqlite
        rows = await snapshots.rows_of(
            self.session, key, lambda: statements.hits(sqlite, shape, actor), values, chosen=True
        )
        return [Hit(row[0] + penalty, row[1], _KINDS[row[2]], words) for row in rows]

    async def forgiving(self, words: tuple[Word, ...]) -> list[Hit]:
        """The hits where one word was mistyped."""
        (sizes,) = await self.sizes(words, self.leading)
        unknown = [i for i, size in enumerate(sizes) if not size]
        if len(unknown) > 1:
            return []
        by_length = sorted(range(len(words)), key=lambda i: -len(words[i].prefixes[0]))
        for i in unknown or by_length[:MAX_MISTYPED]:
            if right := await self._right(variants(words[i])):
                # Of few sizes, so that there are few statements: what stands there twice is found once.
                size = next(size for size in _SIZES if size >= len(right))
                meant = (*words[:i], Word((*right, *right[-1:] * (size - len(right)))), *words[i + 1 :])
                if (found := await self.page(meant, _FORGIVEN)) is not None:
                    return found
        return []

    async def sizes(self, words: tuple[Word, ...], *kinds: tuple[PartyKind, ...]) -> list[list[int]]:
        """How many rows of the index each word has in records of some kinds, and of some others, `COUNTED` at most."""
        counts = tuple(len(word.prefixes) for word in words)
        actor, most, values = self.actor, COUNTED, values_of(words) | visibility_values(self.actor)
        key = ("sizes of words", counts, kinds, visibility_key(actor))
        ((*sizes,),) = await snapshots.rows_of(
            self.session, key, lambda: statements.sizes(counts, actor, kinds, most), values, chosen=True
        )
        return [sizes[i : i + len(words)] for i in range(0, len(sizes), len(words))]

    async def _right(self, words: list[str]) -> list[str]:
        """Those of these words with which a term begins, whole terms first, `MAX_VARIANTS` at most."""
        if not words:
            return []
        actor, kinds, sqlite = self.actor, self.leading, database_of(self.session).is_sqlite
        values = {"words": orjson.dumps(words).decode(), "last": LAST} | visibility_values(actor)
        key = ("words in the index", kinds, visibility_key(actor))
        rows = await snapshots.rows_of(self.session, key, lambda: statements.known(sqlite, actor, kinds), values)
        return [row[0] for row in sorted(rows, key=lambda row: (not row[1], -len(row[0]), row[0]))][:MAX_VARIANTS]
