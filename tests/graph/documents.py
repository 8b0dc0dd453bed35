"""Documents made at random from the schema itself: aliases, fragments, directives, variables, nulls and faults."""

import random
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
)

ROOTS = (
    "contact",
    "contacts",
    "account",
    "accounts",
    "lead",
    "leads",
    "me",
    "user",
    "users",
    "node",
    "nodes",
    "search",
    "contactGroups",
    "accountGroups",
    "leadGroups",
    "choices",
)
TEXTS = (
    "s",
    "Sch",
    "berlin",
    "MÜNCHEN",
    "",
    "%",
    "_",
    "O'Brien",
    '"',
    "\\",
    "a@example.com",
    "+49 30 90123456",
    "DE",
    "\U0010ffff",
)


SEARCHED = (
    "s",
    "sch",
    "berlin",
    "con",
    "example.com",
    "+49 15",
    "0 m",
    "an mü",
    "schmitd",
    "shared@example.com",
    "O'Brien only",
    "nobody at all",
)
"""What is searched for; `Known.names` beside it."""
CHOOSABLE = (
    ("CONTACT", "category"),
    ("CONTACT", "lifeCycleState"),
    ("ACCOUNT", "kind"),
    ("ACCOUNT", "industry"),
    ("LEAD", "approval"),
    ("LEAD", "status"),
)
CURSORS = ("garbage", "", "aa.1.2")
RESOLVED = ("oldName", "newName", "asLegacy")
"""Fields that no document asks for: resolvers alone answer them, so that hardly a history would be compiled, and the
last takes an argument of its own. `test_back_links.py` and `test_as_legacy.py` have their answers; so has the former
those of `record(deleted:)` of a change, which is asked for without the argument here."""


@dataclass
class Known:
    """What the database holds: things that a document may name.

    Attributes:
        ids: global ids by the root field that takes them.
        others: global ids that only `node` takes.
        refs: references other than by ids, by the root field that takes them.
        cursors: by the type of a connection, (a sort, cursors that a list of it gave out); of a search its text in
            place of the sort.
        names: of records.
    """

    ids: dict[str, list[str]]
    others: list[str]
    refs: dict[str, list[dict[str, Any]]]
    cursors: dict[str, list[tuple[str, list[str]]]]
    names: list[str]


@dataclass
class Document:
    """One document with its variables."""

    text: str
    variables: dict[str, Any]


@dataclass
class Maker:
    """Makes one document after the other; the same seed makes the same ones."""

    schema: GraphQLSchema
    known: Known
    dice: random.Random
    variables: dict[str, tuple[str, Any]] = field(default_factory=dict)
    fragments: list[str] = field(default_factory=list)

    def document(self) -> Document:
        self.variables, self.fragments = {}, []
        query = self.schema.query_type
        assert query is not None
        fields = [self.field(query, self.dice.choice(ROOTS), depth=0) for _ in range(self.dice.choice((1, 1, 1, 2, 3)))]
        if self.dice.random() < 0.1:
            fields.append("__typename")
        declared = ", ".join(f"${name}: {type_}" for name, (type_, _) in self.variables.items())
        head = f"query Made({declared})" if declared else "query Made"
        text = f"{head} {{ {' '.join(fields)} }} {' '.join(self.fragments)}"
        given = {name: value for name, (_, value) in self.variables.items() if value is not ...}
        return Document(text, given)

    def selection(self, type_: Any, depth: int) -> str:
        if isinstance(type_, GraphQLInterfaceType):
            possible = self.dice.sample(self.schema.get_possible_types(type_), self.dice.choice((1, 1, 2, 3)))
            found = [f"... on {each.name} {self.directive()} {self.selection(each, depth + 1)}" for each in possible]
            if self.dice.random() < 0.3:
                record = self.schema.type_map["Record"]
                leaf = self.dice.choice(("number", "revision", "createdAt", "phones { raw primary }", "owner { name }"))
                found.append(f"... on {record.name} {{ {leaf} }}")
            common = ["__typename", *(["id"] if self.dice.random() < 0.5 else [])]
            self.dice.shuffle(common)
            return f"{{ {' '.join([*common, *found])} }}"
        known = {n: f for n, f in type_.fields.items() if n not in RESOLVED}
        names = [n for n, f in known.items() if not self.is_object(f.type) or depth < 4]
        leaves = [n for n in names if not self.is_object(type_.fields[n].type)]
        branches = [n for n in names if self.is_object(type_.fields[n].type)]
        chosen = self.dice.sample(leaves, min(len(leaves), self.dice.randint(1, 5)))
        chosen += self.dice.sample(branches, min(len(branches), self.dice.choice((0, 1, 1, 2)))) if depth < 4 else []
        if not chosen:
            chosen = ["__typename"]
        parts = [self.field(type_, name, depth + 1) if name != "__typename" else name for name in chosen]
        if self.dice.random() < 0.15:
            parts.append("__typename")
        self.dice.shuffle(parts)
        body = "{ " + " ".join(parts) + " }"
        chance = self.dice.random()
        if chance < 0.08:
            return f"{{ ... on {type_.name} {self.directive()} {body} }}"
        if chance < 0.16:
            name = f"F{len(self.fragments)}"
            self.fragments.append(f"fragment {name} on {type_.name} {body}")
            return f"{{ ...{name} {self.directive()} ...{name} {parts[0]} }}"
        return body

    def is_object(self, type_: Any) -> bool:
        return isinstance(get_named_type(type_), GraphQLObjectType | GraphQLInterfaceType)

    def field(self, parent: GraphQLObjectType, name: str, depth: int) -> str:
        definition = parent.fields[name]
        named = get_named_type(definition.type)
        alias = f"{name}_{self.dice.randrange(3)}: " if self.dice.random() < 0.25 or depth == 0 else ""
        if depth == 0:
            alias = f"{name}_{self.dice.randrange(10**6)}: "
        arguments = self.arguments(parent, name, definition)
        inner = f" {self.selection(named, depth)}" if self.is_object(definition.type) else ""
        if alias and not inner and not arguments:
            alias = f"{name}_a: "
        elif inner and depth:
            # Two selections of one field with other arguments do not merge: each has a key of its own.
            alias = f"{name}_{self.dice.randrange(10**6)}: "
        return f"{alias}{name}{arguments} {self.directive()}{inner}"

    def directive(self) -> str:
        chance = self.dice.random()
        if chance > 0.06:
            return ""
        name = self.dice.choice(("include", "skip"))
        value = self.dice.choice((True, False))
        if chance < 0.03:
            return f"@{name}(if: {str(value).lower()})"
        return f"@{name}(if: {self.variable('Boolean!', value)})"

    def variable(self, type_: str, value: Any) -> str:
        name = f"v{len(self.variables)}"
        self.variables[name] = (type_, value)
        return f"${name}"

    def arguments(self, parent: GraphQLObjectType, name: str, definition: Any) -> str:
        given: list[str] = []
        if "by" in definition.args and not name.endswith("Groups"):
            given.append(f"by: {self.reference(name)}")
        if "id" in definition.args:
            wanted = self.dice.choice(self.every_id())
            given.append(f"id: {self.given('ID!', wanted)}")
        if "ids" in definition.args:
            several = [self.dice.choice(self.every_id()) for _ in range(self.dice.choice((0, 1, 2, 5, 8)))]
            if self.dice.random() < 0.5:
                given.append(f"ids: {self.variable('[ID!]!', several)}")
            else:
                given.append(f"ids: [{', '.join(map(self.text, several))}]")
        if "deleted" in definition.args and parent.name != "Change" and self.dice.random() < 0.5:
            given.append(f"deleted: {self.dice.choice(('true', 'true', 'false'))}")
        if "text" in definition.args:
            given += self.searched()
        elif "of" in definition.args:
            of, field = self.dice.choice(CHOOSABLE) if self.dice.random() < 0.97 else ("LEAD", "nothing")
            given += [f"of: {self.variable('PartyKind!', of)}", f"field: {self.given('String!', field)}"]
        elif "by" in definition.args and name.endswith("Groups"):
            given = self.grouped(definition)
        elif "first" in definition.args:
            given += self.page(definition)
        return f"({', '.join(given)})" if given else ""

    def every_id(self) -> list[str]:
        strange = ["", "con_0", "usr_1000000000", "garbage", "vie_1000000000"]
        return [i for ids in self.known.ids.values() for i in ids] + self.known.others + strange

    def reference(self, name: str) -> str:
        ids = self.known.ids[name]
        chance = self.dice.random()
        wanted = self.dice.choice(ids if self.dice.random() < 0.7 else self.every_id())
        if chance < 0.2:
            return f"{{id: {self.variable('ID!', wanted)}}}"
        if chance < 0.4:
            return f"{{id: {self.text(wanted)}}}"
        if chance < 0.5:
            return self.variable(f"{name.title()}Ref!", {"id": wanted})
        ref = self.dice.choice(self.known.refs[name])
        return self.variable(f"{name.title()}Ref!", ref) if chance < 0.7 else self.literal(ref)

    def literal(self, value: Any) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"{name}: {self.literal(each)}" for name, each in value.items()) + "}"
        # Words in capitals are values of enums.
        return value if value.isalpha() and value.isupper() else self.text(value)

    def text(self, value: str) -> str:
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def searched(self) -> list[str]:
        text = self.dice.choice(SEARCHED if self.dice.random() < 0.5 else self.known.names)
        cursors = []
        if self.dice.random() < 0.3:
            text, cursors = self.dice.choice(self.known.cursors["SearchConnection"])
        size = self.dice.choice((0, 1, 2, 5, 5, 5)) if self.dice.random() < 0.98 else self.dice.choice((-1, 101))
        given = [f"text: {self.given('String!', text)}", f"{self.dice.choice(('first', 'first', 'last'))}: {size}"]
        if not cursors and self.dice.random() < 0.3:
            kinds = self.dice.sample(("CONTACT", "ACCOUNT", "LEAD"), self.dice.randrange(4))
            given.append(f"kinds: {self.variable('[SearchKind!]', kinds)}")
        for side in self.dice.choice((("after",), ("before",), ("after", "before"))) if cursors else ():
            cursor = self.dice.choice(cursors) if self.dice.random() < 0.98 else self.dice.choice(CURSORS)
            given.append(f"{side}: {self.given('String', cursor)}")
        return given

    def grouped(self, definition: Any) -> list[str]:
        type_ = get_named_type(definition.args["by"].type)
        wanted = self.dice.sample(list(type_.values), self.dice.choice((1, 1, 2, 3)))
        given = [f"by: [{', '.join(wanted)}]"]
        if self.dice.random() < 0.5:
            given = [f"by: {self.variable(f'[{type_.name}!]!', wanted)}"]
        filter_ = definition.args["filter"].type
        known = self.known.cursors.get(get_named_type(definition.type).name, [])
        if known and self.dice.random() < 0.2:
            by, cursors = self.dice.choice(known)
            given = [f"by: [{by}]", f"after: {self.given('String', self.dice.choice(cursors))}"]
        elif self.dice.random() < 0.35:
            given.append(f"filter: {self.filter(get_named_type(filter_), 0)}")
        size = self.dice.choice((0, 1, 2, 5, 9)) if self.dice.random() < 0.98 else self.dice.choice((-1, 101))
        return [*given, f"first: {self.given_number(size)}"]

    def given_number(self, value: int) -> str:
        return self.variable("Int", value) if self.dice.random() < 0.5 else str(value)

    def page(self, definition: Any) -> list[str]:
        given = []
        size = self.dice.choice((0, 1, 2, 3, 5, 5, 5)) if self.dice.random() < 0.98 else self.dice.choice((-1, 101))
        end = "last" if self.dice.random() < 0.25 else "first"
        chance = self.dice.random()
        if chance < 0.3:
            given.append(f"{end}: {self.variable('Int', size)}")
        elif chance < 0.85:
            given.append(f"{end}: {size}")
        elif chance < 0.88:
            given.append(f"{end}: null")
        sort = self.sort(definition) if "sort" in definition.args and self.dice.random() < 0.5 else ""
        known = self.known.cursors.get(get_named_type(definition.type).name)
        before = len(given)
        if known and self.dice.random() < 0.2:
            sort, cursors = self.dice.choice(known)
            for side in self.dice.choice((("after",), ("before",), ("after", "before"))):
                cursor = self.dice.choice(cursors) if self.dice.random() < 0.98 else self.dice.choice(CURSORS)
                given.append(f"{side}: {self.given('String', cursor)}")
        # A cursor goes with its filter alone, which it had none.
        is_free = len(given) == before or self.dice.random() < 0.02
        if sort:
            given.append(f"sort: {sort}")
        if "filter" in definition.args and is_free and self.dice.random() < 0.35:
            given.append(f"filter: {self.filter(get_named_type(definition.args['filter'].type), 0)}")
        return given

    def given(self, type_: str, value: str) -> str:
        """A text, as it stands or by a variable."""
        return self.variable(type_, value) if self.dice.random() < 0.5 else self.text(value)

    def sort(self, definition: Any) -> str:
        sort = get_named_type(definition.args["sort"].type)
        assert isinstance(sort, GraphQLInputObjectType)
        names = get_named_type(sort.fields["field"].type)
        assert isinstance(names, GraphQLEnumType)
        each = [
            f"{{field: {self.dice.choice(list(names.values))}, direction: {self.dice.choice(('ASC', 'DESC'))}}}"
            for _ in range(self.dice.choice((1, 1, 1, 2)))
        ]
        return f"[{', '.join(each)}]"

    def filter(self, type_: Any, depth: int) -> str:
        parts = []
        # That it asks for deleted records as well as for a sort, or further down, is seldom.
        names = [name for name in type_.fields if name != "deleted" or self.dice.random() < 0.1]
        for name in self.dice.sample(names, self.dice.choice((0, 1, 1, 2))):
            inner = get_named_type(type_.fields[name].type)
            if name in ("and", "or", "not"):
                if depth < 2:
                    nested = self.filter(inner, depth + 1)
                    parts.append(f"{name}: {nested if name == 'not' else '[' + nested + ']'}")
                continue
            if inner.name == "IdFilter" and self.dice.random() < 0.98:
                # Ids of another kind are refused, and what is refused of several fields is not compiled.
                ids = self.known.ids["user" if name == "owner" else "account"]
                parts.append(f"{name}: {{eq: {self.text(self.dice.choice(ids))}}}")
                continue
            parts.append(f"{name}: {self.asked(type_.fields[name], inner, depth)}")
        return "{" + ", ".join(parts) + "}"

    def asked(self, field: Any, type_: Any, depth: int) -> str:
        """What a field of a filter is compared with, which may be an input again."""
        if isinstance(type_, GraphQLEnumType):
            values = self.dice.sample(list(type_.values), self.dice.randrange(3))
            return f"[{', '.join(values)}]" if isinstance(get_nullable_type(field.type), GraphQLList) else values[0]
        if not isinstance(type_, GraphQLInputObjectType):
            return self.value(type_.name, "")
        if "and" in type_.fields:  # other records
            return self.filter(type_, depth + 1) if depth < 2 else "{}"
        match type_.name:
            case "AgoFilter":
                zone = self.dice.choice(("UTC", "Europe/Berlin", "Nowhere"))
                return f'{{from: "{self.dice.choice(("P7D", "P9Y", "1"))}", zone: "{zone}"}}'
            case "ExternalFilter":
                dialect = self.dice.choice(("ZOHO", "CRMCOM", "VALOMNIA"))
                value = type_.fields["value"]
                return f"{{dialect: {dialect}, value: {self.asked(value, get_named_type(value.type), depth)}}}"
        op = self.dice.choice(list(type_.fields))
        inner = get_named_type(type_.fields[op].type)
        if isinstance(inner, GraphQLInputObjectType | GraphQLEnumType):
            return f"{{{op}: {self.asked(type_.fields[op], inner, depth)}}}"
        return f"{{{op}: {self.value(inner.name, op)}}}"

    def value(self, type_: str, op: str) -> str:
        def one() -> str:
            match type_:
                case "Boolean":
                    return self.dice.choice(("true", "false"))
                case "ID":
                    return self.text(self.dice.choice(self.every_id()))
                case "DateTime":
                    return self.dice.choice(('"2023-01-01T00:00:00Z"', '"1969-12-31T23:59:59.5+02:00"', '"never"'))
            if self.dice.random() < 0.3 and op not in ("in", "notIn"):
                return self.variable(type_, self.dice.choice(TEXTS))
            return self.text(self.dice.choice(TEXTS))

        if op in ("in", "notIn"):
            return "[" + ", ".join(one() for _ in range(self.dice.randrange(3))) + "]"
        return "null" if self.dice.random() < 0.03 else one()
