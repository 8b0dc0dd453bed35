"""Field maps: what a dialect calls each value, as a table that is read three ways.

A table decodes a request into an edit, encodes a record, and names a refused field in the caller's own word. Each
dialect has one `FieldMap` per kind of record (and per kind of row where rows are objects of their own there). The
engine knows no dialect; what differs is in the tables and in the codecs that they name.
"""

from crmgraph.mapping.requests import Decoded, Resolved, decode, decode_all, decode_row, links, references
from crmgraph.mapping.table import (
    AS_IT_IS,
    Always,
    Codec,
    Computed,
    ExtraField,
    Field,
    FieldMap,
    Inner,
    Layout,
    Link,
    Linked,
    Listed,
    Named,
    OfPhoto,
    Own,
    Primary,
    Slot,
    Unreadable,
    Whole,
    linked,
    loosely,
)

__all__ = [
    "AS_IT_IS",
    "Always",
    "Codec",
    "Computed",
    "Decoded",
    "ExtraField",
    "Field",
    "FieldMap",
    "Inner",
    "Layout",
    "Link",
    "Linked",
    "Listed",
    "Named",
    "OfPhoto",
    "Own",
    "Primary",
    "Resolved",
    "Slot",
    "Unreadable",
    "Whole",
    "decode",
    "decode_all",
    "decode_row",
    "linked",
    "links",
    "loosely",
    "references",
]
