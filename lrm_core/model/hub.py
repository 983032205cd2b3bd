"""Models by name, and published weights from the hub: which commit, whether whole, and why they cannot be had."""

import errno
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

import torch

from lrm_core.atomic import replacing
from lrm_core.files import sha256
from lrm_core.model.config import HUB_OWNER, MINI, MINI_NAME, PRESETS, LRMConfig
from lrm_core.model.lrm import LRM
from lrm_core.paths import data_dir

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
LICENCE = "CC BY-NC 4.0"
LICENCE_NOTE = f"The OpenLRM weights are licensed {LICENCE}: research and other non-commercial use only."
PUBLISHED = tuple(name for name in PRESETS if name != MINI_NAME)
PIN = "lrm_core.json"  # beside the snapshots of a repository in the hub's cache


def fetch(name: str) -> Path:
    """Folder of a published model in the hub's cache, fetched where it is not there yet.

    The commit that a model was first fetched at is recorded in the cache and asked for ever after, so new uploads
    change nothing unnoticed. Weights are compared with the checksum of the hub once, and again if the file changes.
    A broken download goes on where it stopped.

    ValueError if the hub has no such repository or the weights do not have its checksum, PermissionError if it is
    gated, FileNotFoundError if nothing is cached and the hub cannot be reached, or must not be (offline mode),
    OSError if there is no space.
    """
    import huggingface_hub

    folder = cached(name)
    if folder is None:
        print(f"Downloading {HUB_OWNER}/{name}. {LICENCE_NOTE}", file=sys.stderr)
        repository, wanted = _wanted(name)
        try:
            folder = Path(huggingface_hub.snapshot_download(repository, **wanted))
        except Exception as error:  # the hub's client raises a dozen unrelated types
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise
            raise _explained(repository, error) from error
    _pin(folder)
    return folder


def cached(name: str) -> Path | None:
    """Folder of a published model in the hub's cache, None where it is not whole; asks no network."""
    import huggingface_hub

    repository, wanted = _wanted(name)
    try:
        folder = Path(huggingface_hub.snapshot_download(repository, **wanted, local_files_only=True))
    except FileNotFoundError:  # nothing cached; the hub's own error derives from it
        return None
    return folder if all((folder / file).is_file() for file in (CONFIG, WEIGHTS)) else None


def _wanted(name: str) -> tuple[str, dict[str, object]]:
    """What is asked of the hub's client: the repository, and two of its files at the commit of the first time."""
    from huggingface_hub import constants

    repository = f"{HUB_OWNER}/{name}"
    home = Path(constants.HF_HUB_CACHE) / f"models--{HUB_OWNER}--{name}"
    revision = _read_pin(home).get("commit")
    return repository, {"revision": revision, "allow_patterns": [CONFIG, WEIGHTS]}


def _explained(repository: str, error: Exception) -> OSError | ValueError:
    """One sentence about what went wrong and what to do."""
    from huggingface_hub import constants, errors

    instead = f"or pass the path of a folder with {CONFIG} and {WEIGHTS}"
    login = f"log in with `hf auth login`, {instead}"
    if isinstance(error, errors.GatedRepoError):
        return PermissionError(f"{repository} is gated: accept its terms on the hub, {login}")
    if isinstance(error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError):
        return ValueError(f"{repository}: the hub has no such repository or commit, or not for you; {login}")
    reason = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else type(error).__name__
    missing = f"{repository} could not be downloaded and is not in the local cache ({reason})"
    return FileNotFoundError(f"{missing}: connect to the network once (what has arrived is kept), {instead}")


def _pin(folder: Path) -> None:
    """Record the commit of a snapshot in the cache, once its weights have the checksum that the hub names them by."""
    if folder.parent.name != "snapshots":
        return
    home, weights = folder.parents[1], folder / WEIGHTS
    status = weights.stat()
    pin = {"commit": folder.name, "bytes": status.st_size, "changed": status.st_mtime_ns}
    if pin == _read_pin(home):
        return
    check_cached(weights)
    with replacing(home / PIN) as temporary:
        temporary.write_text(json.dumps(pin) + "\n", encoding="utf-8")


def check_cached(path: Path) -> None:
    """ValueError if a file does not have the SHA-256 that the hub's cache names it by, as it does large ones."""
    named = path.resolve().name
    if re.fullmatch("[0-9a-f]{64}", named) and (found := sha256(path)) != named:
        remove = f"remove {path.resolve()} and run the command again"
        raise ValueError(f"{path}: SHA-256 {found} instead of {named}, the file is damaged; {remove}")


def _read_pin(home: Path) -> dict[str, object]:
    """What was recorded about a repository in the cache; nothing if that is missing or damaged."""
    try:
        pin = json.loads((home / PIN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return pin if isinstance(pin, dict) else {}


class CatalogueEntry(NamedTuple):
    """A model: how many parameters, under which licence, and the path of its weights (None if not here)."""

    name: str
    parameters: int
    licence: str
    path: str | None


def catalogue() -> list[CatalogueEntry]:
    """Every model that `load_model` knows by name; asks no network."""
    mini = data_dir() / "mini" / "mini.safetensors"
    entries = [CatalogueEntry(MINI_NAME, parameter_count(MINI), "Apache-2.0", str(mini) if mini.exists() else None)]
    for name in PUBLISHED:
        folder = cached(name)
        path = str(folder / WEIGHTS) if folder else None
        entries.append(CatalogueEntry(name, parameter_count(PRESETS[name]), LICENCE, path))
    return entries


def parameter_count(config: LRMConfig) -> int:
    """Numbers that a model of these sizes learns."""
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in LRM(config).parameters())
