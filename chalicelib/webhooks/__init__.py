"""Webhooks: workflows that are asked from outside."""
