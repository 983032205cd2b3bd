"""The dataset Objaverse: where its files come from, who made its objects under which licence, their draw.

The layout is that of the dataset `allenai/objaverse` on the hub (Deitke et al. 2023), which the package `objaverse`
keeps in its cache as well:

    object-paths.json.gz          {uid: "glbs/<folder>/<uid>.glb"}, every object
    metadata/<folder>.json.gz     {uid: annotations}, the objects of one folder
    glbs/<folder>/<uid>.glb
"""

import errno
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = "allenai/objaverse"
REVISION = "main"  # asked for once; the commit that it was then is kept to ever after
PATHS = "object-paths.json.gz"
LICENCES = {"cc0": "CC0-1.0"}  # as the annotations have them, and their SPDX identifiers
LICENCES |= {name: f"CC-{name.upper()}-4.0" for name in ("by", "by-sa", "by-nc", "by-nc-sa")}
UID = re.compile("[0-9a-f]{32}")
GLB = re.compile(rf"glbs/([0-9]{{3}}-[0-9]{{3}})/({UID.pattern})\.glb")


class Files:
    """The dataset in a folder laid out like it, or on the hub at one commit, whose files its client's cache keeps.

    Every method raises FileNotFoundError for a file that is not there, and ConnectionError if the hub cannot be asked
    or refuses.
    """

    def __init__(self, mirror: Path | None, revision: str) -> None:
        """Look for the list of objects in the mirror; without one, find the commit of a branch on the hub."""
        self.mirror, self.revision = mirror, None if mirror else revision
        if mirror:
            self.fetch(PATHS)
        else:
            self.revision = self._ask(PATHS, dry_run=True).commit_hash

    def has(self, path: str) -> bool:
        """Whether there is a file; the hub has every object that is listed."""
        return self.mirror is None or (self.mirror / path).is_file()

    def size(self, path: str) -> int:
        """Bytes of a file, without its download."""
        return self.fetch(path).stat().st_size if self.mirror else self._ask(path, dry_run=True).file_size or 0

    def fetch(self, path: str) -> Path:
        """The file, downloaded where the cache does not have it yet."""
        if self.mirror is None:
            return Path(self._ask(path, dry_run=False))
        if not self.has(path):
            raise FileNotFoundError(f"{self.mirror / path}: no such file; a mirror looks like {REPOSITORY}")
        return self.mirror / path

    def _ask(self, path: str, dry_run: bool) -> Any:
        from huggingface_hub import constants, errors, hf_hub_download

        try:
            place = {"repo_type": "dataset", "revision": self.revision}
            return hf_hub_download(REPOSITORY, path, **place, dry_run=dry_run)
        except errors.RemoteEntryNotFoundError as error:
            raise FileNotFoundError(f"{path}: not in the dataset {REPOSITORY} at {self.revision}") from error
        except Exception as error:  # the hub's client raises a dozen unrelated types
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise
            reason = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else type(error).__name__
            raise ConnectionError(
                f"{REPOSITORY}/{path} could not be downloaded and is not in the local cache ({reason}): connect to "
                "the network and run the command again (finished objects are kept), or name a folder laid out like "
                "the dataset with --mirror"
            ) from error


class Index:
    """The objects of the dataset, by uid; annotations are read folder by folder when they are asked for."""

    def __init__(self, fetch: Callable[[str], Path]) -> None:
        """Read the list of objects; `fetch` gives the local file for a path. Raises ValueError if it is none."""
        self._fetch = fetch
        self._paths = _read(fetch(PATHS))
        self._credits: dict[str, dict[str, dict]] = {}  # of the folders read so far

    def drawn(self, seed: int) -> Iterator[str]:
        """Every uid once, in an order that the seed and the set of uids fix."""
        uids = sorted(self._paths)
        return (uids[index] for index in np.random.default_rng(seed).permutation(len(uids)))

    def path(self, uid: str) -> str:
        """`glbs/<folder>/<uid>.glb` of an object; raises ValueError if there is none, or its entry is another."""
        if uid not in self._paths:
            raise ValueError(f"{uid}: not among the {len(self._paths)} objects of {PATHS}")
        path = str(self._paths[uid])
        match = GLB.fullmatch(path)
        if match is None or match[2] != uid:
            raise ValueError(f"{uid}: {PATHS} says {path!r}, not glbs/<folder>/{uid}.glb, which is refused")
        return path

    def facts(self, uid: str) -> dict[str, str | None]:
        """What the dataset says of an object: uid, path, title, author, licence (a key of `LICENCES`) and url.

        Raises ValueError as `path`, and if the annotations cannot be read, lack the object or name no such licence.
        """
        path = self.path(uid)
        folder = path.split("/")[1]
        if folder not in self._credits:
            annotations = _read(self._fetch(f"metadata/{folder}.json.gz"))
            self._credits[folder] = {key: _credit(a) for key, a in annotations.items() if isinstance(a, dict)}
        if uid not in self._credits[folder]:
            raise ValueError(f"{uid}: metadata/{folder}.json.gz does not list it, so its licence is unknown")
        facts = {"uid": uid, "path": path, **self._credits[folder][uid]}
        if facts["licence"] not in LICENCES:
            raise ValueError(f"{uid}: unknown licence {facts['licence']!r}; known are {', '.join(LICENCES)}")
        return facts


def read_uids(path: Path) -> list[str]:
    """The uids of a text file, one a line, each once; empty lines do not count.

    Raises FileNotFoundError if there is no such file, ValueError if it has no uid, or a line that is none.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected one uid a line")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    uids = dict.fromkeys(line.strip() for line in lines if line.strip())
    if wrong := [uid for uid in uids if not UID.fullmatch(uid)]:
        raise ValueError(f"{path}: expected uids of 32 hexadecimal digits, found {wrong[0]!r}")
    if not uids:
        raise ValueError(f"{path}: no uids; expected one a line")
    return list(uids)


def _credit(annotations: dict) -> dict[str, str | None]:
    """What is kept of an object's annotations, which take kilobytes for each of a folder's thousands."""
    user = annotations.get("user") or {}
    return {
        "title": annotations.get("name") or "",
        "author": user.get("displayName") or user.get("username") or "",
        "licence": str(annotations.get("license")),
        "url": annotations.get("viewerUrl"),
    }


def _read(path: Path) -> dict[str, object]:
    """An object of JSON by key, from a gzip file."""
    try:
        content = json.loads(gzip.decompress(path.read_bytes()))
    except (gzip.BadGzipFile, EOFError, zlib.error, ValueError) as error:
        raise ValueError(f"{path}: not readable as gzipped JSON ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected an object of JSON, found {type(content).__name__}")
    return content
