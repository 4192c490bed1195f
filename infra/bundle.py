"""The bundle of the Lambdas: wheels for their platform, bytecode for their Python, and a zip that is the same for the
same code."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from packaging.requirements import Requirement

from .target import Target

MAX_BYTES = 45_000_000
"""Unzipped. Lambda itself takes 250 MB; what is loaded at a cold start is waited for."""
LONG_AGO = (1980, 1, 1, 0, 0, 0)
READABLE = 0o644 << 16
WHERE_IT_RUNS = "/var/task"
LAMBDA_BRINGS = {"boto3", "botocore", "s3transfer"}


class PackageError(Exception):
    """What can't be deployed, in words for who tried to build it."""


def install_wheels(requirements: Path, target: Target, folder: Path) -> None:
    """Unpack what is pinned, built for the target. Raises PackageError where there is no such wheel, or where one
    needs a package that is not pinned."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--quiet",
        "install",
        "--no-compile",
        "--no-deps",
    ]
    installed = subprocess.run(
        [*pip, *target.wheel_options, f"--target={folder}", f"--requirement={requirements}"],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode:
        told = "\n".join(line for line in installed.stderr.splitlines() if line.startswith("ERROR"))
        raise PackageError(f"no wheels for {target.runtime} on {target.architecture}:\n{told or installed.stderr}")
    pins = [Requirement(line) for line in requirements.read_text().splitlines() if "==" in line]
    if missing := _needed(folder, pins, target) - {_normal(pin.name) for pin in pins} - LAMBDA_BRINGS:
        raise PackageError(f"{requirements.name} does not pin what its packages need: {', '.join(sorted(missing))}")
    shutil.rmtree(folder / "bin", ignore_errors=True)


def _needed(folder: Path, pins: Iterable[Requirement], target: Target) -> set[str]:
    """The names of what the packages of a folder ask for, with the extras that are pinned, on the target."""
    extras = {_normal(pin.name): {"", *pin.extras} for pin in pins}
    return {
        _normal(need.name)
        for package in distributions(path=[str(folder)])
        for need in map(Requirement, package.requires or ())
        if not need.marker
        or any(
            need.marker.evaluate(target.markers | {"extra": extra})
            for extra in extras.get(_normal(package.metadata["Name"]), {""})
        )
    }


def _normal(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def compile_bytecode(folder: Path, interpreter: str) -> None:
    """Put bytecode beside all sources, so that no cold start compiles any, nor compares times of files.

    Raises PackageError for a source that this interpreter can't read.
    """
    told = ["-q", "--invalidation-mode=unchecked-hash", f"-s{folder}", f"-p{WHERE_IT_RUNS}"]
    compiled = subprocess.run(
        [interpreter, "-m", "compileall", *told, str(folder)], capture_output=True, text=True, check=False
    )
    if compiled.returncode:
        raise PackageError(f"{interpreter} can't compile the bundle:\n{compiled.stdout}{compiled.stderr}")


def check_import(folder: Path, interpreter: str) -> None:
    """Import the app from nothing but the bundle, as Lambda does. Raises PackageError."""
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); import app, psycopg"
    tried = subprocess.run(
        [interpreter, "-I", "-S", "-B", "-c", code], capture_output=True, text=True, env={}, check=False
    )
    if tried.returncode:
        raise PackageError(f"the bundle can't be imported by {interpreter}:\n{tried.stderr}")


def check_size(folder: Path) -> int:
    """The bytes of all files. Raises PackageError where they are too many."""
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    if size > MAX_BYTES:
        raise PackageError(f"the bundle has {size:,} bytes unzipped; at most {MAX_BYTES:,} are allowed")
    return size


def write_zip(folder: Path, file: Path) -> None:
    """The same bytes for the same files, so that a deployment sees what changed."""
    with ZipFile(file, "w", ZIP_DEFLATED) as zipped:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = ZipInfo(str(path.relative_to(folder)), LONG_AGO)
                entry.external_attr, entry.compress_type = READABLE, ZIP_DEFLATED
                zipped.writestr(entry, path.read_bytes())
