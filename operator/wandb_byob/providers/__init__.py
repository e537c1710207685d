"""Storage providers: everything that talks to one kind of object store."""
