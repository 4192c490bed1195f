"""Whether this process, and what it needs, is well."""
