"""The contacts that a text finds by the name of their account, below all that it finds by words of their own.

The account is joined when it is asked: no word of it is stored with its contacts, of whom a renamed one may have many
thousands. One word of the text leads to the contacts, the rarest: to those who have it, and to those of the accounts
that have it in their name. Each of the others is asked of the contact and of the account.
"""

from typing import Any

from sqlalchemy import BigInteger, Integer, Select, and_, bindparam, func, or_, select, true, union
from sqlalchemy.orm import aliased

from crmgraph.crm.models import Contact, PartyKind, SearchField, SearchTerm
from crmgraph.crm.policy import Actor, visible, with_parameters
from crmgraph.crm.query.access_paths import literal
from crmgraph.crm.search.statements import best_of, fenced, is_live, is_of, within

BELOW = 1_000
"""What such a hit weighs more than one that has all words itself."""
READ = 40_000
"""How many rows of the index are looked through for names of accounts."""
ACCOUNTS = 50
"""How many accounts of such a name lead to their contacts."""
MEMBERS = 200
"""How many of its contacts an account leads to, the oldest ones; where they are asked for other words, ten times as
many."""
_TERM: Any = SearchTerm.__table__


def through(sqlite: bool, counts: tuple[int, ...], driver: int, actor: Actor) -> Select[Any]:
    """The statement of such hits, weight and id, the best first.

    Args:
        counts: how many prefixes each word has.
        driver: the number of the word that leads to the contacts.
    """
    who = with_parameters(actor)
    several = len(counts) > 1
    rows = [_rows(driver, j, PartyKind.ACCOUNT).subquery() for j in range(counts[driver])]
    named = [select(each.c.party_id).where(each.c.field == literal(int(SearchField.NAME))) for each in rows]
    accounts = union(*named).subquery()
    few = select(accounts.c.party_id).order_by(accounts.c.party_id).limit(literal(ACCOUNTS)).subquery("accounts")
    found = [_members(sqlite, few, MEMBERS * 10 if several else MEMBERS)]
    if several:
        own_rows = [_rows(driver, j, PartyKind.CONTACT).subquery() for j in range(counts[driver])]
        found += [select(each.c.party_id) for each in own_rows]
    candidates = union(*found).subquery("candidates")
    query: Any = select(Contact.id.label("party_id"), Contact.account_id)
    query = query.join_from(candidates, Contact, Contact.id == candidates.c[0])
    query = query.where(visible(who, Contact), Contact.account_id.is_not(None))
    contacts = fenced(sqlite, query, "contacts")
    own = [best_of(contacts.c.party_id, i, count).label(f"own{i}") for i, count in enumerate(counts)]
    name = SearchField.NAME
    theirs = [best_of(contacts.c.account_id, i, count, name).label(f"theirs{i}") for i, count in enumerate(counts)]
    asked: Any = select(contacts.c.party_id, *own, *theirs).where(
        is_live(contacts.c.account_id, PartyKind.ACCOUNT, who)
    )
    weighed = fenced(sqlite, asked, "weighed")
    parts: list[Any] = [func.coalesce(weighed.c[a.name], weighed.c[b.name]) for a, b in zip(own, theirs, strict=True)]
    total: Any = literal(BELOW)
    for part in parts:
        total = total + part
    through_them = or_(*(weighed.c[each.name].is_(None) for each in own))
    hits = select(total.label("weight"), weighed.c.party_id)
    hits = hits.where(through_them, *(part.is_not(None) for part in parts))
    every = fenced(sqlite, hits, "hits")
    weight: Any = bindparam("after_weight", type_=Integer())
    later = and_(every.c.weight == weight, every.c.party_id > bindparam("after_id", type_=BigInteger()))
    page = select(every.c.weight, every.c.party_id).where(or_(every.c.weight > weight, later))
    return page.order_by(every.c.weight, every.c.party_id).limit(bindparam("most", type_=Integer()))


def _rows(word: int, prefix: int, kind: PartyKind) -> Select[Any]:
    query = select(_TERM.c.party_id, _TERM.c.field).where(is_of([kind]), within(_TERM, word, prefix))
    return query.limit(literal(READ))


def _members(sqlite: bool, accounts: Any, most: int) -> Any:
    """The first contacts of each of these accounts."""
    one: Any = aliased(Contact)
    first = select(one.id).where(one.account_id == accounts.c.party_id).order_by(one.id).limit(literal(most))
    first = first.correlate(accounts)
    if sqlite:
        own: Any = aliased(Contact)
        return select(own.id).select_from(accounts).join(own, own.id.in_(first))
    each = first.lateral("member")
    return select(each.c.id).select_from(accounts).join(each, true())
