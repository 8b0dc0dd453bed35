"""What a single source does with its columns: by the words of `formats`, so that a format only names them."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from crmgraph.imports.drafts import Draft
from crmgraph.imports.targets import Handler

if TYPE_CHECKING:
    from crmgraph.imports.columns import Columns


QUIRKS: dict[str, Handler] = {}
"""{word of a target: what is done with the column}."""
ENDS: dict[str, Callable[["Columns", Draft], None]] = {}
"""{word of `Format.ends`: what is done with the row as a whole}."""


def quirk(word: str) -> Callable[[Handler], Handler]:
    """Name a quirk of a column."""

    def named(handler: Handler) -> Handler:
        QUIRKS[word] = handler
        return handler

    return named


def end(word: str) -> Callable[[Callable[["Columns", Draft], None]], Callable[["Columns", Draft], None]]:
    """Name a quirk of a row."""

    def named(work: Callable[["Columns", Draft], None]) -> Callable[["Columns", Draft], None]:
        ENDS[word] = work
        return work

    return named


__all__ = ["ENDS", "QUIRKS", "Sequence"]
