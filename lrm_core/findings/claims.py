"""The published claims and their numbers, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from lrm_core.files import read_json
from lrm_core.paths import data_dir

PUBLISHED_OBJECTS = ("stone", "office", "stairs")  # of the fork, as its tables name them


@dataclass(frozen=True)
class Claim:
    """One claim: id ("C1"), title, what it states, its published numbers, and where they were published."""

    id: str
    title: str
    statement: str
    published: Mapping[str, Any]
    source: str


@cache
def claims() -> tuple[Claim, ...]:
    """All claims of `data/claims.json`, in order.

    Raises:
        FileNotFoundError: if the file is missing.
        ValueError: if it is not a list of claims.
    """
    path, content = _read()
    try:
        return tuple(Claim(**entry, source=content["source"]) for entry in content["claims"])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: expected claims with id, title, statement and published ({error})"
        ) from error


def claim(claim_id: str) -> Claim:
    """The claim of that id.

    Raises:
        ValueError: if there is none.
    """
    for candidate in claims():
        if candidate.id == claim_id:
            return candidate
    raise ValueError(f"unknown claim {claim_id!r}; expected one of {', '.join(c.id for c in claims())}")


def published(claim_id: str) -> Mapping[str, Any]:
    """Published numbers of a claim; raises as `claim`."""
    return claim(claim_id).published


def published_setup() -> Mapping[str, Any]:
    """How the published work ran: objects, views, training, oracle; raises as `claims`."""
    path, content = _read()
    try:
        return content["setup"]
    except KeyError as error:
        raise ValueError(f'{path}: expected an entry "setup" beside the claims') from error


def _read() -> tuple[Path, Any]:
    """The file of the published claims and its content."""
    path = data_dir() / "claims.json"
    return path, read_json(path)
