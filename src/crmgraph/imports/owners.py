"""Who of the staff is meant by what a source says: never by position, folded."""

from collections.abc import Iterable, Mapping

from crmgraph.crm.values.folding import fold
from crmgraph.crm.values.text import email_key
from crmgraph.imports.records import Staff, StaffRef

MAX_USERS = 10_000
"""Users of an export that are remembered."""


class Owners:
    """The staff of the store, and the users of the export.

    Attributes:
        importer: who owns what belongs to nobody who is known.
    """

    def __init__(self, staff: Iterable[Staff], users: Mapping[str, str], owner: str | None) -> None:
        """
        Args:
            staff: of the store.
            users: {what the source calls somebody: the email of the staff member}, as the user states.
            owner: the email of who owns the rest, instead of the importing user.
        """
        self._by_email: dict[str, StaffRef] = {}
        names: dict[str, list[StaffRef]] = {}
        self.importer: StaffRef | None = None
        for each in staff:
            ref = StaffRef(each.email)
            self._by_email[email_key(each.email)] = ref
            names.setdefault(fold(each.name), []).append(ref)
            if each.importer:
                self.importer = ref
        self._by_name = {name: refs[0] for name, refs in names.items() if name and len(refs) == 1}
        self._users = {fold(name): email for name, email in users.items()}
        self._exported: dict[str, tuple[str, str]] = {}
        if owner is not None:
            self.importer = self._by_email.get(email_key(owner), self.importer)

    def learn(self, id_: str, email: str, name: str) -> None:
        """A user of the export, by the id that its records name."""
        if len(self._exported) < MAX_USERS:
            self._exported[id_] = (email, name)

    def find(self, id_: str | None, text: str | None) -> tuple[StaffRef | None, str]:
        """The staff member of an id in the export, or of a name or an email; and what they are called by it."""
        email, name = self._exported.get(id_ or "", ("", ""))
        given = email or name or text or id_ or ""
        words = [each for each in (email, name, text, id_) if each]
        for word in words:
            if (found := self._named(word)) is not None:
                return found, given
        return None, given

    def _named(self, word: str) -> StaffRef | None:
        inside = word[word.rfind("(") + 1 :].rstrip(") ") if word.endswith(")") else word
        for each in (word, inside):
            key = self._users.get(fold(each), each)
            if (found := self._by_email.get(email_key(key)) or self._by_name.get(fold(key))) is not None:
                return found
        return None
