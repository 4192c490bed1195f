"""A kill test from outside: runs are accepted, everything is killed again and again, and all must end as drawn."""
