"""Trials: what users try before they save or run."""
