"""Secrets of a workspace: named here, kept in Secrets Manager, told to no one."""
