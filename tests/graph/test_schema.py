"""The schema as a whole: exported, described to the last argument, and declared over the models."""

import ast
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
)
from sqlalchemy.orm import class_mapper

from crmgraph import crm, security
from crmgraph.crm.errors import HeldUpstream
from crmgraph.crm.models import Staff
from crmgraph.crm.policy import MODELS
from crmgraph.graph import sdl
from crmgraph.graph.schema import comparators, criteria, declarations, filters
from crmgraph.graph.schema.errors import REASONS, WORDS
from crmgraph.graph.schema.inputs.edits import VALUE
from crmgraph.graph.schema.queries import Query
from crmgraph.graph.schema.schema import schema
from crmgraph.graph.schema.sorts import AccountSortField, ContactSortField, LeadSortField, UserSortField
from crmgraph.graph.schema.types.account import Account
from crmgraph.graph.schema.types.audit import Change, Note
from crmgraph.graph.schema.types.contact import BirthDate, Contact, IdentityDocuments
from crmgraph.graph.schema.types.contact_points import Address, Email, ExternalId, Phone, Photo, Relation
from crmgraph.graph.schema.types.lead import Lead
from crmgraph.graph.schema.types.people import User, Viewer
from crmgraph.graph.schema.types.record import Preferences
from crmgraph.graph.schema.vocabulary import PARTS, REFERENCES

SDL = Path(__file__).parents[2] / "schema.graphql"
TYPES = (Account, Contact, Lead, Change, Note, User, Address, Email, ExternalId, Phone, Photo, Relation)
PARTS_OF = {IdentityDocuments: (Contact,), Preferences: (Contact, Account)}
CORE = schema.graphql_core


def test_the_exported_schema_is_this_one() -> None:
    assert SDL.read_text(encoding="utf-8") == sdl(), "make schema"


def test_everything_is_described() -> None:
    silent = []
    for name, type_ in CORE.type_map.items():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        if not type_.description:
            silent.append(name)
        if isinstance(type_, GraphQLEnumType):
            silent += [f"{name}.{value}" for value, each in type_.values.items() if not each.description]
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in type_.fields.items():
                if not field.description:
                    silent.append(f"{name}.{field_name}")
                for argument_name, argument in getattr(field, "args", {}).items():
                    if not argument.description:
                        silent.append(f"{name}.{field_name}({argument_name})")
    assert silent == []


def test_every_description_is_a_sentence() -> None:
    odd = []
    for name, type_ in CORE.type_map.items():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        texts = [(name, type_.description)]
        texts += [(f"{name}.{n}", field.description) for n, field in getattr(type_, "fields", {}).items()]
        texts += [(f"{name}.{n}", value.description) for n, value in getattr(type_, "values", {}).items()]
        odd += [place for place, text in texts if not re.match(r"[A-Z`].*\.$", text or "", re.DOTALL)]
    assert odd == []


def test_every_column_is_a_column_of_its_model() -> None:
    models = [(type_, type_.model) for type_ in TYPES]
    models += [(part, owner.model) for part, owners in PARTS_OF.items() for owner in owners]
    models += [(BirthDate, Contact.model)]
    for type_, model in models:
        columns = {prop.key for prop in class_mapper(model).column_attrs}
        for name, declaration in declarations.declared(type_).items():
            match declaration:
                case declarations.Column():
                    assert name in columns, (type_, name)
                case declarations.Computed() | declarations.Finished() | declarations.Through():
                    assert set(declaration.reads) <= columns, (type_, name)
                case declarations.ToOne():
                    assert declaration.foreign_key in columns, (type_, name)
                    target = model.__table__.c[declaration.foreign_key].foreign_keys
                    assert {key.column.table.name for key in target} == {declaration.model.__tablename__}
                case declarations.ToMany():
                    assert hasattr(declaration.listing.model, declaration.key), (type_, name)
                case declarations.ToRows():
                    assert hasattr(declaration.model, "party_id"), (type_, name)
                    assert all(hasattr(declaration.model, each) for each in declaration.order), (type_, name)


def test_no_field_of_what_is_read_is_left_to_its_resolver() -> None:
    resolved = {
        f"{type_.__name__}.{name}"
        for type_ in (*TYPES, *PARTS_OF, BirthDate, Viewer, Query)
        for name, declaration in declarations.declared(type_).items()
        if isinstance(declaration, declarations.Resolved)
    }
    # The log is read by a statement of its own, and an old API by its own code.
    legacy = {f"{each}.as_legacy" for each in ("Account", "Contact", "Lead")}
    # What is counted belongs to no record.
    counted = {"Query.legacy_usage", "Query.upstreams", "Query.divergences"}
    assert resolved == {"Query.changes", "Query.duplicates", "Query.job", *counted, *legacy}


def test_every_column_that_is_shown_can_be_set_and_the_other_way_round() -> None:
    """A new column has a line in the type and one in the input; this names the one that was forgotten."""
    stamps = {"revision", "created_at", "updated_at", "deleted_at"}
    only_shown = {
        "Contact": stamps,
        "Account": stamps,
        "Lead": stamps | {"converted_at"},
    }
    for type_, name in ((Contact, "Contact"), (Account, "Account"), (Lead, "Lead")):
        shown = {n for n, d in declarations.declared(type_).items() if isinstance(d, declarations.Column)} - only_shown[
            name
        ]
        definition: Any = schema.get_type_by_name(f"Update{name}Input")
        settable = {f.python_name for f in definition.fields if f.metadata.get(VALUE)}
        assert settable - set(PARTS) - set(REFERENCES) == shown


def test_every_filter_and_sort_is_known_to_the_core() -> None:
    for listing in (filters.CONTACTS, filters.ACCOUNTS, filters.LEADS, filters.USERS):
        names = {field.name for field in fields(listing.filter)} - criteria.OF_ITS_OWN
        names -= criteria.ROWS.keys() if listing is not filters.USERS else set()
        columns = {criteria.COLUMNS.get(name, name) for name in names}
        assert columns <= set(listing.model.__mapper__.columns.keys())
    kinds = (ContactSortField, AccountSortField, LeadSortField, UserSortField)
    for sorts, model in zip(kinds, (*MODELS.values(), Staff), strict=True):
        indexes = [[column.name for column in index.columns] for index in model.__table__.indexes]
        for field in sorts:
            columns = [model.__table__.c.get(each) for each in field.value.split()]
            told = f"{sorts.__name__}.{field.name}: {field.value} is no column of {model.__tablename__} without nulls"
            assert not any(column is None or column.nullable for column in columns), (
                f"{told}; a text is sorted by its key"
            )
            # Of the staff there are few.
            assert model is Staff or [*field.value.split(), "id"] in indexes, f"{field.value} and id have no index"


def test_every_field_that_compares_is_a_comparator() -> None:
    inputs = [each for name, each in vars(comparators).items() if name.endswith("Filter")]
    assert comparators.TextFilter in inputs
    for type_ in set(inputs) - {comparators.AddressFilter, comparators.ExternalFilter, comparators.AgoFilter}:
        words = {each.name for each in fields(type_)} - {"is_null", "ago", "region"}
        missing = sorted(words - criteria.COMPARATORS.keys())
        assert not missing, f"COMPARATORS of graph/schema/criteria.py has no row for {missing} of {type_.__name__}"


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [
        words.code for refusal, words in WORDS.items() if refusal is not HeldUpstream
    ]  # which has a type of its own
    assert len(set(codes)) == len(codes)


def test_every_reason_has_its_words() -> None:
    """Reasons are the second argument of `Invalid`, and what functions that look for faults give back."""
    found = set()
    for file in [Path(security.__file__), *Path(crm.__file__).parent.rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name("Invalid"), args=[_, ast.Constant(str(reason)), *_]):
                    found.add(reason)
                case ast.FunctionDef(name=name) if "fault" in name or name.startswith("_check"):
                    found |= {reason for each in ast.walk(node) for reason in _reason(each)}
    assert {"form", "control", "too_long", "password", "converted", "reference", "choice"} <= found
    assert found - REASONS.keys() == set()


def _reason(node: ast.AST) -> list[str]:
    match node:
        case ast.Tuple([ast.Constant(str(reason)), ast.Constant(None)]):
            return [reason]
        case ast.Tuple([ast.Constant(str(reason)), ast.Name(limit)]) if limit.isupper() or limit == "limit":
            return [reason]
    return []
