"""The schema: types, inputs, queries, mutations."""
