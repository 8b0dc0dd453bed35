"""What a client says that it takes, with the weights that it gives (RFC 9110, 12.4.2)."""

import re
from collections.abc import Iterable

_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def weights(values: Iterable[str]) -> dict[str, float]:
    """The names in an Accept or Accept-Encoding header with their weights, 0 to 1; a malformed one counts nothing.

    Args:
        values: of the header, as many times as it comes.
    """
    found: dict[str, float] = {}
    for item in ",".join(values).split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        written = next((value for key, _, value in (part.partition("=") for part in parameters) if key == "q"), "1")
        found[name] = float(written) if _WEIGHT.fullmatch(written) else 0.0
    return found
