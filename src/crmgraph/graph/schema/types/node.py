"""The interface of everything that has a global id."""

import strawberry


@strawberry.interface(description="Something that has a global id and can be fetched by it.")
class Node:
    id: strawberry.ID = strawberry.field(description="Its global id, for `node` and inputs.")
