"""Cards of people and companies: vCard 2.1, 3.0 and 4.0, jCard and JSContact. All are read as properties of vCard."""
