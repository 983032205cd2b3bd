"""Fills .venv with the locked packages and says where it is; runs before any of them is there.

    .venv/bin/python lrm_core/cli/install.py

On Linux, the index that pip asks by default has torch with 3 GB of CUDA libraries. Without an NVIDIA driver they are
of no use, so that the CPU build of the same version (a local version such as 2.13.0+cpu) is taken where an index that
pip is told of, or PyTorch's own, offers one.
"""

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements.lock"
WITH_CUDA = ("torch", "torchvision")
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
BEGUN = ("Collecting ", "Requirement already satisfied: ", "Processing ")  # how pip names a package
STEPS = 3


def main() -> None:
    """Install in steps; exits with pip's own code and message where one fails."""
    lock = locked(LOCK.read_text(encoding="utf-8"))
    _say(1, "which torch")
    print(f"      {_install_cpu_torch(lock)}")
    _say(2, f"{len(lock)} locked packages, the first time a few minutes")
    _install(["-r", str(LOCK)], len(lock))
    _say(3, "lrm_core itself")
    _install(["--no-deps", "--no-build-isolation", "-e", str(ROOT)], 1)


def locked(text: str) -> list[str]:
    """The requirements of a lock file."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def has_nvidia_driver() -> bool:
    """Whether this machine could use CUDA."""
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def cpu_build(lock: Iterable[str], offers: Callable[[str, list[str]], bool]) -> list[str]:
    """Options and requirements for pip by which the locked torch, and its companions if so offered, are CPU builds.

    Empty where no index offers torch itself; `offers` says whether pip finds a requirement, given some options.
    """
    torch, *others = (f"{line}+cpu" for name in WITH_CUDA for line in lock if line.startswith(f"{name}=="))
    for options in ([], ["--extra-index-url", CPU_INDEX]):
        if offers(torch, options):
            return [*options, torch, *(other for other in others if offers(other, options))]
    return []


def progress(lines: Iterable[str], total: int) -> Iterator[str]:
    """What pip is at, from what it prints: a package and which it is of how many, or that it unpacks them."""
    seen = set()
    for line in lines:
        for beginning in BEGUN:
            if line.startswith(beginning):
                seen.add(name := line.removeprefix(beginning).split()[0])
                yield f"{min(len(seen), total)}/{total} {name}"
        if line.startswith("Installing collected packages"):
            yield f"unpacking {line.count(',') + 1} packages"


def _install_cpu_torch(lock: list[str]) -> str:
    """Install the CPU build of torch where it is the better one; says what was decided."""
    if platform.system() != "Linux":
        return "torch as pip's index has it for this system"
    if has_nvidia_driver():
        return "an NVIDIA driver was found: torch with CUDA"
    asked = cpu_build(lock, _offers)
    if not asked:
        return "no NVIDIA driver was found, and no index offers torch's CPU build: torch as pip's index has it"
    _install(["--no-deps", *asked], len(WITH_CUDA))
    return "no NVIDIA driver was found: torch's CPU build, without CUDA"


def _offers(wanted: str, options: list[str]) -> bool:
    command = [*PIP, "install", "-qq", "--dry-run", "--no-deps", "--retries", "1", *options, wanted]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _install(arguments: list[str], total: int) -> None:
    """Run pip with one line of progress, which is written anew on a terminal."""
    command = [*PIP, "install", "--progress-bar", "off", *arguments]
    overwrite = sys.stdout.isatty()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pip:
        for number, at in enumerate(progress(pip.stdout, total)):
            if overwrite:
                print(f"\r\033[K      {at}", end="", flush=True)
            elif number % 20 == 0:
                print(f"      {at}", flush=True)
    if overwrite:
        print("\r\033[K", end="", flush=True)
    if pip.returncode:
        sys.exit(pip.returncode)


def _say(step: int, what: str) -> None:
    print(f"[{step}/{STEPS}] {what}", flush=True)


if __name__ == "__main__":
    main()
