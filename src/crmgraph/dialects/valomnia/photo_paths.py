"""Photos at the addresses that Valomnia prints, e.g. `/entity1-<key>/photoContact/<ms>_<id>_<first>_<last>.png`.

Where the vendor's folder has a time, digits, we have the random part of the photo's key as a number: whoever does not
know it finds nothing, and it dies with the photo. Addresses that were printed with the key as it is are still good. The
extension is that of the image as it is kept. `small_` or `medium_` before the file name asks for that size.
"""

import base64
import re

from crmgraph.crm.models import Photo
from crmgraph.crm.values.folding import fold

ALBUMS = ("photoContact", "photoCustomer")
"""The last folder of an address, for contacts and for customers."""

_FOLDER = re.compile(r"[^-]+-(?:([A-Za-z0-9_-]{32})|([0-9]{58}))", re.ASCII)
_KEY_BYTES = 24
_FILE = re.compile(r"(?:(small|medium)_)?[^/]+\.(jpg|png)")


def path_of(photo: Photo, album: str, organization: str, number: int, *names: str | None) -> str:
    """The path under which a photo is found.

    Args:
        album: one of `ALBUMS`.
        organization: whose record it is; what is not a letter or digit of ASCII is left out.
        number: the record's id as it is printed.
        names: that the file is called by.
    """
    secret, _, extension = photo.key.rpartition(".")
    entity = re.sub(r"[^A-Za-z0-9]", "", organization) or "entity"
    taken = int(photo.created_at.timestamp() * 1000)
    words = (re.sub(r"[^a-z0-9]+", "-", fold(name)).strip("-") for name in names)
    file_name = "_".join([str(taken), str(number), *filter(None, words)])
    return f"/{entity}-{_in_digits(secret)}/{album}/{file_name}.{extension}"


def _in_digits(secret: str) -> str:
    """24 bytes in base64 as 58 decimal digits, as many as their greatest number has."""
    return f"{int.from_bytes(base64.urlsafe_b64decode(secret)):058}"


def _in_base64(digits: str) -> str:
    """The way back; "", which is no key, for a number that is too great."""
    number = int(digits)
    fits = number.bit_length() <= 8 * _KEY_BYTES
    return base64.urlsafe_b64encode(number.to_bytes(_KEY_BYTES)).decode() if fits else ""


def key_at(folder: str, file_name: str) -> tuple[str, str] | None:
    """The key of the photo at an address, and the size that is asked for; None where no photo can be."""
    found, file = _FOLDER.fullmatch(folder), _FILE.fullmatch(file_name)
    if found is None or file is None:
        return None
    return f"{found[1] or _in_base64(found[2])}.{file[2]}", file[1] or "original"
