"""The database: connections, statements, and what its errors mean."""
