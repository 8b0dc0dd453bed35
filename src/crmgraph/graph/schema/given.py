"""An input as it was given, to be kept and read again by whoever carries it out later."""

import datetime as dt
from dataclasses import fields
from enum import Enum
from typing import Any

from strawberry import UNSET
from strawberry.utils.str_converters import to_camel_case

from crmgraph.graph.schema.scalars import printed_moment


def as_given(value: Any) -> Any:
    """A filter in JSON, as the schema has it: what `asked.where_of` reads."""
    match value:
        case Enum():
            return value.name
        case dt.datetime():
            return printed_moment(value)
        case list() | tuple():
            return [as_given(each) for each in value]
    if not hasattr(value, "__strawberry_definition__"):
        return value
    given = ((each.name, getattr(value, each.name)) for each in fields(value))
    names = {each.python_name: each.graphql_name for each in value.__strawberry_definition__.fields}
    return {names[name] or to_camel_case(name): as_given(each) for name, each in given if each is not UNSET}
