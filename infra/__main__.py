"""`python -m infra`: build what is deployed, a template and the bundle of its Lambdas."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from . import bundle, parts
from .target import MACHINES, PYTHONS, Target

ROOT = Path(__file__).parent.parent
STAGE = "prod"
NO_CACHES = shutil.ignore_patterns("__pycache__", "*.pyc")


def main() -> int:
    """Build as the command line says; the exit code."""
    options = _parser().parse_args()
    target = Target(options.python, options.arch)
    try:
        for line in (draft if options.template_only else build)(target, options.out):
            print(line)
    except (bundle.PackageError, parts.PartsError) as error:
        print(f"not packaged: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    parser.add_argument("--python", default="3.13", choices=PYTHONS, help="the Lambdas' Python (3.13)")
    parser.add_argument("--arch", default="x86_64", choices=list(MACHINES), help="what they run on (x86_64)")
    parser.add_argument("--template-only", action="store_true", help="without the bundle, to check the template")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="where it is put (build)")
    return parser


def build(target: Target, out: Path) -> list[str]:
    """Write `template.json` and `deployment.zip`; what there is to tell. Raises PackageError, PartsError."""
    interpreter = target.interpreter()
    with tempfile.TemporaryDirectory() as name:
        project, packaged, content = (Path(name) / each for each in ("project", "packaged", "content"))
        _lay_out(project, target)
        bundle.install_wheels(ROOT / "requirements.txt", target, project / "vendor")
        template = _package(project, packaged, target)
        with ZipFile(packaged / "deployment.zip") as zipped:
            zipped.extractall(content)
        if interpreter:
            bundle.compile_bytecode(content, interpreter)
            if target.is_this_machine:
                bundle.check_import(content, interpreter)
        size = bundle.check_size(content)
        written = _write(template, out)
        bundle.write_zip(content, out / "deployment.zip")
    return [*_told(target, interpreter), f"{out / 'deployment.zip'}: {size:,} bytes unzipped", written]


def draft(target: Target, out: Path) -> list[str]:
    """Write `template.json` alone. Raises PackageError, PartsError."""
    with tempfile.TemporaryDirectory() as name:
        project = Path(name) / "project"
        _lay_out(project, target)
        return [_write(_package(project, Path(name) / "packaged", target), out)]


def _lay_out(project: Path, target: Target) -> None:
    """A Chalice project without requirements: packages are put into `vendor`, since Chalice only warns of a wheel that
    is missing."""
    project.mkdir()
    shutil.copy(ROOT / "app.py", project)
    shutil.copytree(ROOT / "chalicelib", project / "chalicelib", ignore=NO_CACHES)
    shutil.copytree(ROOT / "vendor", project / "vendor", ignore=NO_CACHES)
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    (project / ".chalice").mkdir()
    (project / ".chalice" / "config.json").write_text(json.dumps(config | {"lambda_architecture": target.architecture}))
    (project / "infra.json").write_text(json.dumps(parts.merged()))


def _package(project: Path, out: Path, target: Target) -> dict[str, Any]:
    """The template; the bundle is beside it. Chalice names the Python that it runs on, the Lambdas run on the target's.

    It asks for a region only to name AWS's services, which are named alike in all regions.
    """
    chalice = [sys.executable, "-c", "from chalice.cli import main; main()", "--project-dir", str(project)]
    merge = ["--merge-template", str(project / "infra.json")]
    packaged = subprocess.run(
        [*chalice, "package", "--stage", STAGE, *merge, str(out)],
        capture_output=True,
        text=True,
        env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1", "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
    )
    if packaged.returncode:
        raise bundle.PackageError(f"chalice package failed:\n{packaged.stdout}{packaged.stderr}")
    template: dict[str, Any] = json.loads((out / "sam.json").read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["Runtime"] = target.runtime
    return template


def _write(template: dict[str, Any], out: Path) -> str:
    file = out / "template.json"
    out.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(template, indent=2, sort_keys=True) + "\n")
    return str(file)


def _told(target: Target, interpreter: str | None) -> list[str]:
    what = f"{target.runtime} on {target.architecture}"
    if interpreter is None:
        return [f"{what}, without bytecode: no {target.runtime} on this machine makes it, so cold starts take longer"]
    tried = "" if target.is_this_machine else "; not imported here, this machine is another"
    return [f"{what}, with bytecode by {interpreter}{tried}"]


if __name__ == "__main__":
    sys.exit(main())
