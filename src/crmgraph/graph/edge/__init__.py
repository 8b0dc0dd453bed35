"""The HTTP edge of GraphQL."""
