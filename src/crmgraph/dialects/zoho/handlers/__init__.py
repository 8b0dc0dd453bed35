"""What the operations do, a module per theme."""
