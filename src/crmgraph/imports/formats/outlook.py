"""Outlook: the CSV of its address book, whose headers are in the language of the program."""

from pathlib import Path

from crmgraph.imports.formats.model import Format, Layout, headers

DATA = Path(__file__).with_name("outlook.tsv")
"""A line for each column: its target, and what it is called in each language. `*` stands for the header itself."""
_ROWS = [line.split("\t") for line in DATA.read_text("utf-8").splitlines()]
_DEFAULTS = frozenset(
    {
        "Normal",
        "Normale",
        "Aus",
        "False",
        "Faux",
        "Falso",
        "Nicht angegeben",
        "Unspecified",
        "Non spécifié",
        "Sin especificar",
    }
)
_SIGNS = (
    "First Name|Business Phone|E-mail Address|E-mail Display Name|Web Page",
    "Vorname|Telefon geschäftlich|E-Mail-Adresse|E-Mail-Typ|Webseite",
    "Prénom|Téléphone (bureau)|Adresse de messagerie|Type de messagerie|Page Web",
    "Nombre|Teléfono del trabajo|Dirección de correo electrónico|Tipo de correo electrónico|Página web",
)


def _columns(language: int) -> dict[str, str]:
    return {row[1 + language]: row[0].replace("*", row[1 + language]) for row in _ROWS[1:]}


OUTLOOK = Format(
    "OUTLOOK_CSV",
    "outlook",
    None,
    tuple(
        Layout("CONTACT", _columns(n), signs=(headers(_SIGNS[n]),), language=language)
        for n, language in enumerate(_ROWS[0][1:])
    ),
    iso=False,
    ansi=True,
    defaults=_DEFAULTS,
    emptiness="only the defaults that Outlook writes",
)
