"""Parameters that hold more than one value: lists, and paths into JSON documents."""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import (
    Dialect,
    Text,
    TypeDecorator,
)
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import TypeEngine


class Several(TypeDecorator[Sequence[Any]]):
    """Several values as one parameter: an array; on SQLite, which has none, JSON."""

    impl = Text
    cache_ok = True

    def __init__(self, item: TypeEngine[Any]) -> None:
        super().__init__()
        self.item = Text() if isinstance(item, Text | SqlEnum) else item

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(self.item))

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        process = self.item.dialect_impl(dialect).bind_processor(dialect)
        return orjson.dumps([each if process is None else process(each) for each in value]).decode()


class JsonPath(TypeDecorator[tuple[str, ...]]):
    """A path of keys in a JSON document."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(Text()))

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return "$" + "".join(f'."{key}"' for key in value)
