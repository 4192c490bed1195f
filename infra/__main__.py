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
        for line in build(target, options.out):
            print(line)
    except (bundle.PackageError, parts.PartsError) as error:
        print(f"not packaged: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    parser.add_argument("--python", default="3.13", choices=PYTHONS, help="the Lambdas' Python (3.13)")
    parser.add_argument("--arch", default="x86_64", choices=list(MACHINES), help="what they run on (x86_64)")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="where it is put (build)")
    return parser


def build(target: Target, out: Path) -> list[str]:
    """Write `template.json` and `deployment.zip`; what there is to tell. Raises PackageError, PartsError."""
    interpreter = target.interpreter()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        project, packaged, content = work / "project", work / "packaged", work / "content"
        _lay_out(project, target)
        _package(project, packaged)
        with ZipFile(packaged / "deployment.zip") as zipped:
            zipped.extractall(content)
        if interpreter:
            bundle.compile_bytecode(content, interpreter)
            if target.is_this_machine:
                bundle.check_import(content, interpreter)
        size = bundle.check_size(content)
        out.mkdir(parents=True, exist_ok=True)
        bundle.write_zip(content, out / "deployment.zip")
        _write_template(packaged / "sam.json", target, out / "template.json")
    return [
        *_told(target, interpreter),
        f"{out / 'deployment.zip'}: {size:,} bytes unzipped",
        str(out / "template.json"),
    ]


def _lay_out(project: Path, target: Target) -> None:
    """A Chalice project whose packages lie in `vendor` already: Chalice warns where it finds no wheel, pip refuses."""
    project.mkdir()
    shutil.copy(ROOT / "app.py", project)
    shutil.copytree(ROOT / "chalicelib", project / "chalicelib", ignore=NO_CACHES)
    shutil.copytree(ROOT / "vendor", project / "vendor", ignore=NO_CACHES)
    bundle.install_wheels(ROOT / "requirements.txt", target, project / "vendor")
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    (project / ".chalice").mkdir()
    (project / ".chalice" / "config.json").write_text(json.dumps(config | {"lambda_architecture": target.architecture}))
    (project / "infra.json").write_text(json.dumps(parts.merged()))


def _package(project: Path, out: Path) -> None:
    """`chalice package` asks for a region only to name AWS's services, which are named alike in all of them."""
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


def _write_template(made: Path, target: Target, file: Path) -> None:
    """Chalice names the Python that it runs on; the Lambdas run on the target's."""
    template = json.loads(made.read_text())
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["Runtime"] = target.runtime
    file.write_text(json.dumps(template, indent=2, sort_keys=True) + "\n")


def _told(target: Target, interpreter: str | None) -> list[str]:
    what = f"{target.runtime} on {target.architecture}"
    if interpreter is None:
        return [f"{what}, without bytecode: no {target.runtime} on this machine makes it, so cold starts take longer"]
    tried = "" if target.is_this_machine else "; not imported here, this machine is another"
    return [f"{what}, with bytecode by {interpreter}{tried}"]


if __name__ == "__main__":
    sys.exit(main())
