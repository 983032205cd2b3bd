"""Files that are complete or absent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
        raise OSError(
            error.errno, f"could not write it ({error.strerror}); nothing was changed", str(path)
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
