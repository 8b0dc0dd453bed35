"""What happens when the database is ill, against a real one that was brought into that state."""
