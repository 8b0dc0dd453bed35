"""Values: text, telephone numbers and countries, and the forms they are compared in."""
