"""What Strawberry and Ariadne share: the models, the batch functions of their loaders, and the mutation."""
