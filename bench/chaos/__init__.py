"""A kill test from outside: runs are accepted and must end as drawn, whatever is killed meanwhile."""
