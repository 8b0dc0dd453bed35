"""HTTP beneath all doors: requests read within bounds, deadlines, and how many are in hand."""
