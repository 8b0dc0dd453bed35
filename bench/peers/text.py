"""The folded keys of our tables, as a peer has to make them to look names and cities up."""

import unicodedata


def fold(text: str) -> str:
    """Case and accents folded."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def after(key: str) -> str:
    """The first key behind every key that starts with `key`."""
    return key[:-1] + chr(ord(key[-1]) + 1)
