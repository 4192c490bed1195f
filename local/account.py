"""The account that moto plays."""

REGION, ACCOUNT = "us-east-1", "123456789012"
