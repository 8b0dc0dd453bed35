"""Sends what a program sends to Zoho's hosts to another one, below `requests`; nothing else of a program changes."""

import json
import re
import sys

from requests.adapters import HTTPAdapter

_ZOHO = re.compile(r"https://[a-z.]*zoho(apis)?\.[a-z.]+(?=/)")
_send = HTTPAdapter.send


def given():
    """What the program is given on its standard input, with Zoho's hosts pointed at its `url` from now on."""
    found = json.load(sys.stdin)

    def send(self, request, **options):
        request.url = _ZOHO.sub(found["url"], request.url)
        assert request.url.startswith(found["url"]), request.url
        return _send(self, request, **options)

    HTTPAdapter.send = send
    return found
