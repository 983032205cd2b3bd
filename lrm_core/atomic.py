"""Files that are complete or absent."""

import errno
import fcntl
import glob
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from lrm_core.files import DIGEST, tensors_digest

if TYPE_CHECKING:
    from torch import Tensor


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; what was written there takes its name when the block succeeds.

    Whatever ends the block early (full disk, Ctrl-C) leaves `path` as it was and no temporary file. OSError naming
    `path`, if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        yield temporary
        temporary.replace(path)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(temporary), temporary):
            raise  # of something else that the block did
        raise OSError(
            error.errno, f"could not write it ({error.strerror}); nothing was changed", str(path)
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """Give a temporary folder beside `folder`, which must not exist; it takes that name when the block succeeds.

    Whatever ends the block early leaves nothing. FileExistsError, naming the folder, if it appeared meanwhile, as
    where another run does the same. OSError if it cannot be written.
    """
    temporary = _temporary(folder)
    temporary.mkdir(parents=True)
    try:
        yield temporary
        try:
            temporary.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                raise
            raise FileExistsError(f"{folder}: appeared while it was made; another run works here") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _temporary(path: Path) -> Path:
    """A name beside `path` for this process; what processes that are gone left under theirs is removed."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        process = left.name.split(".")[-2]
        if process.isdecimal() and (int(process) == os.getpid() or int(process) not in psutil.pids()):
            shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold a folder, or a file that is there only for this; another process that asks for it waits, and says so.

    The end of a process, however it comes, lets go of what it held.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"{path}: another run works on it; waiting for that to end", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:  # a file system without locks
            if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
                raise
        yield
    finally:
        if not path.is_dir():
            path.unlink(missing_ok=True)
        os.close(lock)


def save_tensors(path: Path, tensors: Mapping[str, "Tensor"], metadata: Mapping[str, str]) -> None:
    """Write contiguous tensors with a digest of the content in the header, or leave the old file.

    Raises as `replacing`; the folder is made where missing.
    """
    from safetensors import SafetensorError  # PyTorch takes seconds, and texts are written without it
    from safetensors.torch import save_file

    header = {**metadata, DIGEST: tensors_digest(tensors, metadata)}
    with replacing(path) as temporary:
        temporary.touch()
        usual = temporary.stat().st_mode  # by the umask; safetensors gives its own
        try:
            save_file(dict(tensors), temporary, metadata=header)
            temporary.chmod(usual)
        except SafetensorError as error:
            number = re.search(r"\(os error (\d+)\)", str(error))
            code = int(number[1]) if number else errno.EIO
            raise OSError(code, os.strerror(code) if number else str(error)) from error
