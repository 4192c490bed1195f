"""Thin clients of AWS services, with our verbs and our errors. Nothing else imports boto3."""
