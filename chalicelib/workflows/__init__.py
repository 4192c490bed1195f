"""Workflows, their versions, and templates."""
