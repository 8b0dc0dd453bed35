"""The peers of the benchmark: the same operations over the same tables, each as its own documentation writes it."""
