"""From a card to a record: which property is which value, and what is kept."""

import re
from collections.abc import Callable

from crmgraph.crm.models import PartyKind
from crmgraph.crm.values.folding import fold
from crmgraph.imports import cells, dates, pictures
from crmgraph.imports.cards.properties import Card, Property
from crmgraph.imports.drafts import Context, Draft
from crmgraph.imports.labels import address_kind, bare, email_kind, phone_kind
from crmgraph.imports.owners import Owners
from crmgraph.imports.records import External, Place, Refusal, Skipped

SYSTEM, SPACE = "VCARD", "UID"
_SAY_NOTHING = frozenset({"internet", "pref", "voice", "text", "msg", "x400", "intl", "dom", "postal", "parcel", "uri"})
_DROPPED = frozenset(
    {
        "BEGIN",
        "END",
        "VERSION",
        "PRODID",
        "KIND",
        "UID",
        "REV",
        "FN",
        "X-ABSHOWAS",
        "X-ABUID",
        "X-ABADR",
        "X-ABLABEL",
        "AGENT",
    }
    | {
        "X-ADDRESSBOOKSERVER-KIND",
        "MEMBER",
        "SORT-STRING",
        "X-IMAGETYPE",
        "X-IMAGEHASH",
        "X-ACTIVITY-ALIAS",
        "SOURCE",
        "XML",
    }
)
_GENDERS = {"M": "male", "F": "female", "O": "other", "N": "none"}
_YEAR_MONTH = re.compile(r"(\d{4})-(\d{2})")
_DAY_TIME = re.compile(r"(.*?)T.*")
_NICKNAME = "vnd.android.cursor.item/nickname"


def read(card: Card, file: str, context: Context, owners: Owners) -> Draft | Refusal | Skipped:
    """What a card says."""
    at = Place(file, f"card {card.number}", card.number)
    if card.fault is not None:
        return Refusal(at, card.fault[0], card.fault[1], original=card.raw)
    one = {each.name: each.value for each in reversed(card.properties)}
    kind = (one.get("KIND") or one.get("X-ADDRESSBOOKSERVER-KIND") or "").lower()
    if kind == "group":
        return Skipped(at, "NO_HOME", "a group of cards")
    draft = Draft(PartyKind.CONTACT, at, context, original=card.raw)
    draft.owner = owners.importer
    draft.facts["name_column"] = "N"
    if card.other_encoding:
        draft.warn("OTHER_ENCODING", None, "cp1252")
    properties = _preferred(draft, card.properties)
    name = next((each for each in properties if each.name == "N" and any(map(any, each.parts))), None)
    organization = next((each for each in properties if each.name == "ORG" and each.part(0)), None)
    full = _line(draft, next((each.value for each in properties if each.name == "FN"), ""), "FN")
    if _is_company(kind, one, name, full, organization):
        draft.kind = PartyKind.ACCOUNT
        draft.match_name = True
        draft.put(
            "name", _line(draft, organization.part(0), "ORG") if organization else full, "ORG" if organization else "FN"
        )
    elif full:
        draft.full_name = (full, "FN")
    if one.get("UID"):
        draft.external = External(context.system or SYSTEM, SPACE, one["UID"].strip())
    if (moment := dates.time_of(one.get("REV", ""), "ymd", None)) is not None:
        draft.updated_at = moment[0]
    labels = {each.group: each.value for each in properties if each.name == "X-ABLABEL" and each.group}
    for each in sorted(properties, key=lambda each: each.rank):
        _put(draft, each, _label(each, labels))
    return draft


def _label(each: Property, labels: dict[str, str]) -> str | None:
    """What its user calls it; LABEL of an address is how it is printed."""
    own = labels.get(each.group) if each.group else None
    return own or (each.param("LABEL") if each.name != "ADR" else None)


def _is_company(
    kind: str, one: dict[str, str], name: Property | None, full: str, organization: Property | None
) -> bool:
    if kind in ("org", "organization") or one.get("X-ABSHOWAS", "").upper() == "COMPANY":
        return True
    same = organization is not None and fold(full) in ("", fold(organization.part(0)))
    return name is None and same


def _preferred(draft: Draft, properties: list[Property]) -> list[Property]:
    """The properties, of alternatives (ALTID) one: those in the language of the preferred name."""
    chosen = min((each for each in properties if each.name == "FN"), key=lambda each: each.rank, default=None)
    language = chosen.param("LANGUAGE") if chosen else None
    found: list[Property] = []
    taken: set[tuple[str, str]] = set()
    ordered = sorted(properties, key=lambda each: each.param("LANGUAGE") != language)
    for each in ordered:
        altid = each.param("ALTID")
        if altid is not None:
            if (each.name, altid) in taken:
                if each.name == "FN":
                    draft.kept[f"FN ({each.param('LANGUAGE') or altid})"] = each.value
                continue
            taken.add((each.name, altid))
        found.append(each)
    return sorted(found, key=properties.index)


def _line(draft: Draft, text: str, column: str, *, lines: bool = False) -> str:
    found, removed = cells.clean(text, lines=lines)
    if removed:
        draft.warn("CONTROL_REMOVED", column)
    return "" if found in cells.EMPTY else found


def _put(draft: Draft, each: Property, label: str | None) -> None:
    handler = _HANDLERS.get(each.name)
    if handler is not None:
        handler(draft, each, label)
    elif each.name not in _DROPPED:
        _keep(draft, each, label)


def _keep(draft: Draft, each: Property, label: str | None) -> None:
    text = _line(draft, each.value, each.name, lines=True)
    if not text:
        return
    said = bare(label) if label else next((word for word in each.types if word not in _SAY_NOTHING), "")
    title = each.name if not said or each.name == "URL" else f"{each.name} ({said})"
    counts = draft.facts.setdefault("kept", {})
    counts[title] = counts.get(title, 0) + 1
    column = title if counts[title] == 1 else f"{title} {counts[title]}"
    draft.has_values = True
    draft.kept[column] = text


def _texted(field: str, *, lines: bool = False) -> Callable[[Draft, Property, str | None], None]:
    def put(draft: Draft, each: Property, label: str | None) -> None:
        text = _line(draft, each.value, each.name, lines=lines)
        if not text:
            return
        if field in draft.input and lines:
            draft.input[field] += "\n" + text
        elif field in draft.input:
            _keep(draft, each, label)
        else:
            draft.put(field, text, each.name)

    return put


def _name(draft: Draft, each: Property, label: str | None) -> None:
    if draft.kind is PartyKind.ACCOUNT:
        return
    for n, field in enumerate(("lastName", "firstName", "middleName", "salutation")):
        if text := _line(draft, each.part(n), "N"):
            draft.put(field, text, "N")
    if text := _line(draft, each.part(4), "N"):
        draft.kept["N suffix"] = text


def _organization(draft: Draft, each: Property, label: str | None) -> None:
    units = [text for part in each.parts[1:] if (text := _line(draft, " ".join(part), "ORG"))]
    if draft.kind is PartyKind.ACCOUNT:
        if units:
            draft.kept["ORG units"] = units
        return
    if name := _line(draft, each.part(0) or each.value, "ORG"):
        draft.link("account", PartyKind.ACCOUNT, "ORG", text=name)
    if units:
        draft.put("department", ", ".join(units), "ORG")


def _telephone(draft: Draft, each: Property, label: str | None) -> None:
    raw = each.value
    if raw.lower().startswith("tel:"):
        number, *params = raw[4:].split(";")
        extension = next((text[4:] for text in params if text.lower().startswith("ext=")), None)
        raw = f"{number} ext. {extension}" if extension else number
    raw = _line(draft, raw, "TEL")
    if not raw:
        return
    kind, notes = _kind_of_phone(each, label)
    draft.phone(kind, raw, "TEL", notes)


def _kind_of_phone(each: Property, label: str | None) -> tuple[str, str | None]:
    said = label or each.param("X-CUSTOM")
    if said:
        return phone_kind(said)
    words = [word for word in each.types if word not in _SAY_NOTHING]
    kinds = [phone_kind(word) for word in words]
    for wanted in ("FAX", "MOBILE", "OTHER", "HOME"):
        for kind, notes in kinds:
            if kind == wanted:
                return kind, notes
    return "LANDLINE", None


def _email(draft: Draft, each: Property, label: str | None) -> None:
    text = _line(draft, each.value.removeprefix("mailto:"), "EMAIL")
    if text:
        words = [word for word in each.types if word not in _SAY_NOTHING]
        draft.email(email_kind(label or next(iter(words), "")), text, "EMAIL")


def _address(draft: Draft, each: Property, label: str | None) -> None:
    words = [word for word in each.types if word not in _SAY_NOTHING]
    kind = address_kind(label or next(iter(words), ""))
    key = f"address {len(draft.addresses)}"
    for n, part in (
        (0, "poBox"),
        (2, "street"),
        (1, "street"),
        (3, "city"),
        (4, "state"),
        (5, "postalCode"),
        (6, "countryName"),
    ):
        text = _line(draft, each.part(n), "ADR", lines=part == "street")
        if text:
            draft.address(kind, part, text, "ADR", key)


def _birth(draft: Draft, each: Property, label: str | None) -> None:
    text = _line(draft, each.value, "BDAY")
    if not text:
        return
    if match := _DAY_TIME.fullmatch(text):
        text = match[1]
    if match := _YEAR_MONTH.fullmatch(text):
        draft.birth(dates.Day(int(match[1]), int(match[2]), None), "BDAY", text)
        return
    day = dates.day_of(text, "ymd")
    if isinstance(day, str) or each.param("VALUE") == "text":
        draft.has_values = True
        draft.drop("BDAY", text, day if isinstance(day, str) else "no date")
        return
    if each.param("X-APPLE-OMIT-YEAR") and str(day.year) == each.param("X-APPLE-OMIT-YEAR"):
        day = dates.Day(None, day.month, day.day)
    draft.birth(day, "BDAY", text)


def _gender(draft: Draft, each: Property, label: str | None) -> None:
    text = _line(draft, each.part(1), "GENDER") or _GENDERS.get(each.part(0).upper(), each.part(0))
    if text and text != "U":
        draft.put("gender", text, "GENDER")


def _profile(draft: Draft, each: Property, label: str | None) -> None:
    if "twitter" in each.types:
        user = each.param("X-USER") or each.value.rstrip("/").rpartition("/")[2]
        draft.put("twitter", user.lstrip("@"), each.name)
    else:
        _keep(draft, each, label)


def _messaging(draft: Draft, each: Property, label: str | None) -> None:
    service = (each.param("X-SERVICE-TYPE") or "").lower()
    scheme, _, rest = each.value.partition(":")
    if service == "skype" or scheme.lower() == "skype" or each.name.startswith("X-SKYPE"):
        draft.put("skype", rest if scheme.lower() == "skype" else each.value, each.name)
    elif service == "twitter":
        draft.put("twitter", (each.param("X-USER") or each.value.rpartition("/")[2]).lstrip("@"), each.name)
    else:
        _keep(draft, each, label)


def _address_of_page(draft: Draft, each: Property, label: str | None) -> None:
    if draft.kind is PartyKind.ACCOUNT and "website" not in draft.input:
        draft.put("website", _line(draft, each.value, "URL"), "URL")
    else:
        _keep(draft, each, label)


def _photo(draft: Draft, each: Property, label: str | None) -> None:
    encoding = (each.param("ENCODING") or "").upper()
    data = pictures.from_base64(each.value) if encoding in ("B", "BASE64") else pictures.from_data_uri(each.value)
    if data is not None:
        pictures.put(draft, data, each.name)
    elif encoding in ("B", "BASE64") or each.value.startswith("data:"):
        draft.warn("PHOTO_DROPPED", each.name, reason="no image that can be read")
    elif each.value:
        draft.warn("PHOTO_DROPPED", each.name, reason="an address that nobody here can fetch")


def _categories(draft: Draft, each: Property, label: str | None) -> None:
    texts = [text for part in each.parts or [[each.value]] if (text := _line(draft, " ".join(part), each.name))]
    if texts:
        draft.has_values = True
        draft.kept["CATEGORIES"] = [*draft.kept.get("CATEGORIES", []), *texts]


def _android(draft: Draft, each: Property, label: str | None) -> None:
    kind, _, rest = each.value.partition(";")
    if kind == _NICKNAME and (text := _line(draft, rest.split(";")[0], each.name)):
        draft.put("nickname", text, each.name)
    else:
        _keep(draft, each, label)


_HANDLERS: dict[str, Callable[[Draft, Property, str | None], None]] = {
    "N": _name,
    "NICKNAME": _texted("nickname"),
    "ORG": _organization,
    "TITLE": _texted("jobTitle"),
    "TEL": _telephone,
    "EMAIL": _email,
    "ADR": _address,
    "BDAY": _birth,
    "GENDER": _gender,
    "LANG": _texted("language"),
    "NOTE": _texted("description", lines=True),
    "X-SOCIALPROFILE": _profile,
    "IMPP": _messaging,
    "X-SKYPE": _messaging,
    "X-SKYPE-USERNAME": _messaging,
    "URL": _address_of_page,
    "PHOTO": _photo,
    "CATEGORIES": _categories,
    "X-ANDROID-CUSTOM": _android,
}
