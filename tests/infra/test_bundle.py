"""What goes into the bundle, and what keeps a bundle from being built."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from infra import bundle
from infra.bundle import PackageError
from infra.target import Target

THIS = Target(f"{sys.version_info[0]}.{sys.version_info[1]}", "x86_64")
ARM = Target("3.13", "arm64")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels, all that pip can find."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def wheel(folder: Path, name: str, tag: str, *needs: str) -> None:
    info, requires = f"{name}-1.dist-info", "".join(f"Requires-Dist: {need}\n" for need in needs)
    with ZipFile(folder / f"{name}-1-{tag}.whl", "w") as file:
        file.writestr(f"{name}.py", f"TAG = {tag!r}\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n{requires}")
        file.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
        file.writestr(f"{info}/RECORD", "")


def requirements(tmp_path: Path, *pins: str) -> Path:
    file = tmp_path / "requirements.txt"
    file.write_text("\n".join(("# what is deployed", *pins)))
    return file


def test_wheels_are_those_of_the_target_whatever_builds_them(wheels: Path, tmp_path: Path) -> None:
    for tag in ("cp313-cp313-manylinux_2_28_aarch64", "cp313-cp313-manylinux_2_28_x86_64", "cp312-cp312-linux_aarch64"):
        wheel(wheels, "native", tag)
    bundle.install_wheels(requirements(tmp_path, "native==1"), ARM, tmp_path / "out")
    assert "manylinux_2_28_aarch64" in (tmp_path / "out" / "native.py").read_text()


@pytest.mark.parametrize(
    "tag",
    [
        "cp313-cp313-manylinux_2_28_x86_64",
        "cp312-cp312-manylinux2014_aarch64",
        "cp313-cp313-manylinux_2_38_aarch64",
    ],
)
def test_a_wheel_that_is_missing_for_the_target_fails_the_build(wheels: Path, tmp_path: Path, tag: str) -> None:
    wheel(wheels, "native", tag)
    with pytest.raises(PackageError, match=r"no wheels for python3\.13 on arm64:\n.*native==1"):
        bundle.install_wheels(requirements(tmp_path, "native==1"), ARM, tmp_path / "out")


def test_a_package_that_is_needed_and_not_pinned_fails_the_build(wheels: Path, tmp_path: Path) -> None:
    wheel(wheels, "driver", "py3-none-any", 'driver-binary; extra == "c"', 'old; python_version < "3.13"', "botocore")
    wheel(wheels, "driver_binary", "py3-none-any")
    with pytest.raises(PackageError, match="does not pin what its packages need: driver-binary"):
        bundle.install_wheels(requirements(tmp_path, "driver[c]==1"), ARM, tmp_path / "a")
    bundle.install_wheels(requirements(tmp_path, "driver==1"), ARM, tmp_path / "b")
    bundle.install_wheels(requirements(tmp_path, "driver[c]==1", "Driver_Binary==1"), ARM, tmp_path / "c")
    with pytest.raises(PackageError, match="need: old"):
        bundle.install_wheels(requirements(tmp_path, "driver==1"), Target("3.12", "arm64"), tmp_path / "d")


def test_bytecode_is_read_without_a_look_at_its_source(tmp_path: Path) -> None:
    interpreter = THIS.interpreter()
    assert interpreter
    (tmp_path / "app.py").write_text("print(__file__, 'first')")
    (tmp_path / "psycopg.py").write_text("")
    bundle.compile_bytecode(tmp_path, interpreter)
    cached = next((tmp_path / "__pycache__").glob("app.*.pyc")).read_bytes()
    assert int.from_bytes(cached[4:8], "little") == 0b01, "hash-based, unchecked (PEP 552)"
    assert b"/var/task/app.py" in cached
    (tmp_path / "app.py").write_text("print('second')")
    shown = subprocess.run(
        [sys.executable, "-c", "import app"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert shown.stdout.endswith("first\n")


def test_a_source_that_the_targets_python_cannot_read_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def broken(:")
    with pytest.raises(PackageError, match=r"app\.py"):
        bundle.compile_bytecode(tmp_path, sys.executable)


def test_a_bundle_that_lacks_what_it_imports_fails_the_build(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import chalice")
    with pytest.raises(PackageError, match="No module named 'chalice'"):
        bundle.check_import(tmp_path, sys.executable)


def test_a_bundle_that_is_too_large_fails_the_build(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(bundle.MAX_BYTES)
    assert bundle.check_size(tmp_path) == bundle.MAX_BYTES
    (tmp_path / "more").write_text("x")
    with pytest.raises(PackageError, match=r"45,000,001 bytes unzipped; at most 45,000,000"):
        bundle.check_size(tmp_path)


def test_the_same_files_make_the_same_zip(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        for name in ("x.py", "y.py") if folder == "a" else ("y.py", "x.py"):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).write_text(name)
        bundle.write_zip(tmp_path / folder, tmp_path / f"{folder}.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_an_interpreter_of_another_version_is_none_of_the_targets() -> None:
    assert THIS.interpreter() == sys.executable
    assert Target("3.2", "x86_64").interpreter() is None
