"""What the Lambdas run on: which wheels fit, and which interpreter on this machine is the same."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}
"""Lambda's names of architectures, and those in the names of wheels."""
PYTHONS = ["3.12", "3.13", "3.14"]
"""Those that Lambda runs on Amazon Linux 2023."""
GLIBC_MINORS = range(17, 35)
"""Of glibc 2.x, up to the one that Amazon Linux 2023 has
(https://docs.aws.amazon.com/linux/al2023/ug/compare-with-al2.html)."""


@dataclass(frozen=True, slots=True)
class Target:
    """`python` is a version such as 3.13, `architecture` one of Lambda's two."""

    python: str
    architecture: str

    @property
    def runtime(self) -> str:
        """Lambda's name of it."""
        return f"python{self.python}"

    @property
    def wheel_options(self) -> list[str]:
        """What makes pip take the wheels that run there, and no others."""
        machine = MACHINES[self.architecture]
        platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS]
        return [
            "--only-binary=:all:",
            "--implementation=cp",
            f"--python-version={self.python}",
            *(f"--platform={name}" for name in (*platforms, f"manylinux2014_{machine}")),
        ]

    @property
    def markers(self) -> dict[str, str]:
        """What a package may make its needs depend on (PEP 508)."""
        return {
            "python_version": self.python,
            "python_full_version": f"{self.python}.0",
            "sys_platform": "linux",
            "platform_system": "Linux",
            "platform_machine": MACHINES[self.architecture],
            "platform_python_implementation": "CPython",
            "implementation_name": "cpython",
            "os_name": "posix",
        }

    @property
    def is_this_machine(self) -> bool:
        """Whether what is built for it can be loaded here."""
        return sys.platform == "linux" and platform.machine() == MACHINES[self.architecture]

    def interpreter(self) -> str | None:
        """A Python of that version on this machine, whose bytecode the Lambdas can read; None where there is none."""
        return next(filter(self._is_it, self._candidates()), None)

    def _candidates(self) -> Iterator[str]:
        yield sys.executable
        if found := shutil.which(self.runtime):
            yield found
        pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
        yield from map(str, sorted(pyenv.glob(f"versions/{self.python}.*/bin/{self.runtime}")))

    def _is_it(self, executable: str) -> bool:
        show = "import sys; print(*sys.version_info[:2], sep='.')"
        asked = subprocess.run([executable, "-c", show], capture_output=True, text=True, check=False)
        return asked.returncode == 0 and asked.stdout.strip() == self.python
