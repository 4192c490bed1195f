"""Runs and the results of their nodes."""
