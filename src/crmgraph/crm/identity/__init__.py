"""Identity: who comes in, by what, and what they hold afterwards."""
