"""Files that are complete or absent."""

import errno
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lrm_core.files import DIGEST, tensors_digest

if TYPE_CHECKING:
    from torch import Tensor


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; what was written there takes its name when the block succeeds.

    Whatever ends the block early (full disk, Ctrl-C) leaves `path` as it was and no temporary file.

    Raises:
        OSError: naming `path`, if it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
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

    Whatever ends the block early leaves nothing.

    Raises:
        OSError: if it cannot be written.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def save_tensors(path: Path, tensors: Mapping[str, "Tensor"], metadata: Mapping[str, str]) -> None:
    """Write a safetensors file with a digest of its content in the header, or leave the old one.

    Args:
        path: the file; its folder is made where missing.
        tensors: by name, contiguous, of any shape.
        metadata: text for the header.

    Raises:
        OSError: naming `path`, if it cannot be written.
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
