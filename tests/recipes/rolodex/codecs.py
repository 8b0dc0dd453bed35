"""How values stand on a card."""

from crmgraph.mapping import Codec, Unreadable


def _words(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise Unreadable("type")


TEXT = Codec(_words, lambda value: value or "-")
"""Text; a dash where there is none."""
NUMBER = Codec(write=lambda own: f"#{own}")
