"""The published claims and their numbers, as data."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from lrm_core.files import read_json
from lrm_core.paths import data_dir

PUBLISHED_OBJECTS = ("stone", "office", "stairs")  # of the fork, as its tables name them


def _entry(name: str) -> Any:
    """An entry of the file of published claims."""
    path = data_dir() / "claims.json"
    content = read_json(path)
    if not isinstance(content, dict) or name not in content:
        raise ValueError(f"{path}: expected an entry {name!r}")
    return content[name]


@cache
def claims() -> dict[str, Mapping[str, Any]]:
    """All claims by id ("C1"), in order: title, what it states (statement), and its published numbers (published).

    Raises:
        FileNotFoundError: if `data/claims.json` is missing.
        ValueError: if it has no claims.
    """
    return {claim["id"]: claim for claim in _entry("claims")}


def published(claim_id: str) -> Mapping[str, Any]:
    """Published numbers of a claim.

    Raises:
        ValueError: if there is no such claim; else as `claims`.
    """
    if claim_id not in claims():
        raise ValueError(f"unknown claim {claim_id!r}; expected one of {', '.join(claims())}")
    return claims()[claim_id]["published"]


def published_setup() -> Mapping[str, Any]:
    """How the published work ran: objects, views, training, oracle; raises as `claims`."""
    return _entry("setup")
