"""`python infra/translate.py TEMPLATE OUT`: what CloudFormation makes of the template by SAM's transform.

It runs where SAM's translator is installed, which wants other versions of what the project uses.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from samtranslator.translator.transform import transform

UPLOADED = "s3://bucket/deployment.zip"
"""Where `aws cloudformation package` would have put the bundle."""


class NoManagedPolicies:
    """Roles are written out in the template, so SAM is to look none up."""

    def load(self) -> dict[str, str]:
        """The ARNs of policies by their names."""
        return {}


def translated(template: dict[str, Any]) -> dict[str, Any]:
    """The template without SAM. Raises samtranslator's InvalidDocumentException."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = UPLOADED
    defaults = {name: found["Default"] for name, found in template["Parameters"].items()}
    result: dict[str, Any] = transform(template, defaults, NoManagedPolicies())
    return result


if __name__ == "__main__":
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # the translator names resources by it
    source, target = map(Path, sys.argv[1:])
    target.write_text(json.dumps(translated(json.loads(source.read_text())), indent=2, sort_keys=True) + "\n")
