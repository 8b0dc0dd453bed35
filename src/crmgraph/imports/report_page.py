"""`report.html`: what came of an import, for people, in a page that needs nothing else and fetches nothing.

Whatever came from the files is escaped, and the page forbids itself scripts, images and requests.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from crmgraph.imports.words import QUESTIONS, REFUSALS, SKIPPED, WARNINGS

MAX_COLUMNS = 200
"""Columns of a file that are shown; `report.json` has all of them."""
MAX_TEXT = 300
"""Characters of a text that are shown."""
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1a1a1a}"
    "body{background:#fff}table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    "caption{text-align:left;font-weight:600;padding:.25rem 0}"
    "th,td{border-bottom:1px solid #bbb;padding:.35rem .6rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}a{color:#00479e}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}th,td{border-color:#555}a{color:#9cc4ff}}"
)
_HEAD = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta name="referrer" content="no-referrer">\n'
    "<title>Report of an import</title>\n"
)
_KINDS = {"ACCOUNT": "Accounts", "CONTACT": "Contacts", "LEAD": "Leads"}
_WHAT = {"refused": "Refused", "skipped": "Passed over", "merged": "Joined with another row", "warned": "Warned of"}
_WORDS = {"refused": REFUSALS, "skipped": SKIPPED, "merged": {}, "warned": WARNINGS}


def page(summary: Mapping[str, Any], files: Sequence[str]) -> str:
    """The page.

    Args:
        summary: see `Report.summary`.
        files: what lies beside it in the folder.
    """
    parts = [_HEAD, f"<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>Report of an import</h1>\n"]
    parts.append(_counts(summary["counts"], summary["outcomes"]))
    if summary["questions"]:
        parts.append("<h2>Questions</h2>\n")
        rows = (
            (QUESTIONS.get(each["code"], each["code"]), each["reason"], each["file"]) for each in summary["questions"]
        )
        parts.append(_table("What cannot be known from the files", ("Question", "Why", "File"), rows))
    for what, title in _WHAT.items():
        found = [each for each in summary["reasons"] if each["what"] == what]
        if found:
            parts.append(f"<h2>{title}</h2>\n")
            rows = ((each["code"], _said(what, each), each["rows"]) for each in found)
            parts.append(_table("Reasons, the most frequent first", ("Code", "Reason", "Rows"), rows))
    if files:
        parts.append("<h2>Files beside this page</h2>\n<ul>\n")
        parts += [f'<li><a href="{escape(name)}">{escape(name)}</a></li>\n' for name in files]
        parts.append("</ul>\n")
    parts.append("<h2>What the files were taken for</h2>\n")
    for each in summary["recognised"]:
        parts.append(_file(each))
    parts.append("</main>\n</body>\n</html>\n")
    return "".join(parts)


def _counts(counts: Mapping[str, int], outcomes: Mapping[str, int]) -> str:
    rows: list[tuple[Any, ...]] = [(title, counts[kind]) for kind, title in _KINDS.items() if counts.get(kind)]
    rows += [(title, counts[what]) for what, title in _WHAT.items() if counts.get(what)]
    if counts.get("warnings"):
        rows.append(("Warnings", counts["warnings"]))
    told = _table("What the rows of the files are", ("Rows", "Count"), rows or [("None", 0)])
    if outcomes:
        became = ((name.capitalize(), count) for name, count in outcomes.items())
        told += _table("What became of them in the store", ("Outcome", "Count"), became)
    return "<h2>Counts</h2>\n" + told


def _said(what: str, reason: Mapping[str, Any]) -> str:
    words = _WORDS[what].get(reason["code"], "")
    return reason["reason"] if not words or words in reason["reason"] else f"{words}: {reason['reason']}"


def _file(each: Mapping[str, Any]) -> str:
    said = [
        ("Format", each["format"]),
        ("Used for", (each["role"] or "nothing").lower()),
        ("Encoding", each["encoding"]),
    ]
    if each["delimiter"]:
        said.append(("Cells are parted by", {"\t": "tab"}.get(each["delimiter"], each["delimiter"])))
    if each["date_order"]:
        said.append(("Order of dates", f"{each['date_order']} ({each['evidence']})"))
    parts = [f"<h3>{_text(each['file'])}</h3>\n", _table("How it is read", ("", ""), said, head=False)]
    columns = list(each["columns"].items())
    if columns:
        parts.append(_table("Its columns", ("Column", "Read as"), columns[:MAX_COLUMNS]))
    if len(columns) > MAX_COLUMNS:
        parts.append(f"<p>{len(columns) - MAX_COLUMNS:,} more columns: see report.json.</p>\n")
    return "".join(parts)


def _table(caption: str, header: Sequence[str], rows: Iterable[Sequence[Any]], *, head: bool = True) -> str:
    parts = [f"<table>\n<caption>{_text(caption)}</caption>\n"]
    if head:
        numbers = ("Count", "Rows")
        cells = ((' class="n"' if name in numbers and n else "", name) for n, name in enumerate(header))
        parts.append(
            "<thead><tr>" + "".join(f'<th scope="col"{c}>{_text(name)}</th>' for c, name in cells) + "</tr></thead>\n"
        )
    parts.append("<tbody>\n")
    for first, *rest in rows:
        parts.append(f'<tr><th scope="row">{_text(first)}</th>' + "".join(map(_cell, rest)) + "</tr>\n")
    parts.append("</tbody>\n</table>\n")
    return "".join(parts)


def _cell(value: Any) -> str:
    return f'<td class="n">{value:,}</td>' if isinstance(value, int) else f"<td>{_text(value)}</td>"


def _text(value: Any) -> str:
    text = "" if value is None else str(value)
    return escape(text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + " ...")
