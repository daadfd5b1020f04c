"""What changes while lists are served: facts, catalog, people, keys, in a database."""
