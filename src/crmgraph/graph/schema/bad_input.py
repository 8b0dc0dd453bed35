"""Arguments that nothing can be done with: one table of what is wrong with them and how it is told."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLError

from crmgraph.crm.errors import Refused
from crmgraph.graph.schema.enums import ErrorCode
from crmgraph.graph.schema.errors import Words, facts_of, message_of, words_of

ARGUMENTS: dict[str, Words] = {
    "null": Words(ErrorCode.REQUIRED, "{it} is null: give a value, or leave the whole out to find all.{hint}"),
    "blank": Words(ErrorCode.REQUIRED, "{it} is blank: give a text to look for.{hint}"),
    "empty": Words(
        ErrorCode.REQUIRED, "{it} compares with nothing: give one of {choose}, or leave it out to find all."
    ),
    "one of": Words(ErrorCode.CHOOSE_ONE, "{it} takes exactly one of {choose}."),
    "none of": Words(ErrorCode.CHOOSE_ONE, "{it} is none of the values to choose from: give one of {choose}."),
    "both ends": Words(ErrorCode.CHOOSE_ONE, "Ask for `first` or for `last`, not for both."),
    "twice": Words(ErrorCode.REPEATED, "{it} is {value} again: leave it out."),
    "page": Words(ErrorCode.OUT_OF_RANGE, "{it} is {size}, and a page has {least} to {most} items."),
    "parts": Words(ErrorCode.OUT_OF_RANGE, "{it} has {count} parts: give {least} to {most} different ones."),
    "number": Words(ErrorCode.OUT_OF_RANGE, "{it} is out of range: write {least} to {most}."),
    "cursor": Words(
        ErrorCode.INVALID, "{it} is no cursor of {these}: give the `cursor` of {an_item} of the same {asked}."
    ),
    "place": Words(
        ErrorCode.INVALID, "{it} is no cursor of the log of changes: give the `cursor` of an event, or an `endCursor`."
    ),
    "other filter": Words(
        ErrorCode.CONFLICTING, "{it} is a cursor of this list with another filter: give the filter that it came with."
    ),
    "order of deleted": Words(
        ErrorCode.CONFLICTING, "{it} has no say in deleted records, which are listed from the one deleted last."
    ),
    "whole list": Words(ErrorCode.INVALID, "{it} is about the whole list: it stands at the top of `filter`."),
    "one step": Words(ErrorCode.INVALID, "{it} goes on to other records again: one step is the most."),
    "id": Words(ErrorCode.NOT_FOUND, "{it} is compared with ids: give e.g. {example}."),
    "record": Words(ErrorCode.NOT_FOUND, "{it} is no id of a record: give e.g. con_1000000001."),
    "digits": Words(ErrorCode.NOT_A_PHONE, "{it} has {count} digits, and {least} are the least, e.g. 0142."),
    "duration": Words(
        ErrorCode.NOT_A_DURATION, "{it} is no duration of ISO 8601 in whole numbers, e.g. P7D, P1M or PT12H."
    ),
    "moment": Words(ErrorCode.NOT_A_DATE, "{it} is no point in time, e.g. 2026-03-29T12:00:00Z."),
    "whole number": Words(ErrorCode.NOT_A_NUMBER, "{it} is no whole number, e.g. 12."),
    "text": Words(ErrorCode.INVALID, '{it} is no text, e.g. "{example}".'),
    "yes or no": Words(ErrorCode.INVALID, "{it} is neither true nor false."),
    "object": Words(ErrorCode.INVALID, "{it} is no object, e.g. {{{example}: ...}}."),
    "field": Words(ErrorCode.INVALID, "{it} is not known by this name.{hint}"),
    "scalar": Words(ErrorCode.INVALID, "{it} does not have the form of {type}."),
}
"""{fault: how it is told}: `{it}` is the argument that it is about, the other words are of whoever finds the fault."""


def choose(words: Any) -> str:
    """Names to choose from, in a sentence."""
    return ", ".join(f"`{word}`" for word in words)


class BadInput(GraphQLError):
    """Arguments that nothing can be done with, told at the top level.

    Args:
        fault: a row of `ARGUMENTS`; or what the core refuses, which is told in the words of the core.
        at: where in the arguments of the field the fault lies, e.g. `filter.lastName.eq`.
        facts: what programs are to know of it, by their names in the answer.
        words: what else the message says.
    """

    def __init__(self, fault: str | Refused, at: str, facts: Mapping[str, Any] | None = None, **words: Any) -> None:
        if isinstance(fault, Refused):
            message, code, facts = message_of(fault, at), words_of(fault).code, facts_of(fault)
        else:
            facts = facts or {}
            told = ARGUMENTS[fault]
            message, code = told.message.format(**{"it": f"`{at}`", **facts, **words}), told.code
        place = {"inputPath": at.split(".")} if at else {}
        super().__init__(message, extensions={"code": "BAD_USER_INPUT", "reason": code.value, **place, **facts})
