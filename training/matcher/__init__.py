"""A trained matcher: an adapter under which texts that make the same point lie close together."""
