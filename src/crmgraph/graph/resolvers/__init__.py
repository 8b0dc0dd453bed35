"""What resolvers are handed: the context and the loaders."""
