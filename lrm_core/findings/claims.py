"""The published claims as data, and the one published number by which each is compared."""

from collections.abc import Callable, Mapping
from functools import cache
from math import isnan
from statistics import fmean
from typing import Any, NamedTuple

from lrm_core.files import read_json
from lrm_core.findings.finding import sections
from lrm_core.findings.prose import number
from lrm_core.paths import data_dir

PUBLISHED_OBJECTS = ("stone", "office", "stairs")  # of the fork, as its tables name them


@cache
def _content() -> Mapping[str, Any]:
    path = data_dir() / "claims.json"
    content = read_json(path)
    if not isinstance(content, dict) or not {"claims", "setup"} <= content.keys():
        raise ValueError(f"{path}: expected the entries 'claims' and 'setup'")
    return content


def claims() -> dict[str, Mapping[str, Any]]:
    """All claims by id ("C1"), in order: title, what it states (statement), and its published numbers (published).

    FileNotFoundError if `data/claims.json` is missing. ValueError if it is damaged.
    """
    return {claim["id"]: claim for claim in _content()["claims"]}


def published(claim_id: str) -> Mapping[str, Any]:
    """Published numbers of a claim.

    ValueError if there is no such claim; else as `claims`.
    """
    if claim_id not in claims():
        raise ValueError(f"unknown claim {claim_id!r}; expected one of {', '.join(claims())}")
    return claims()[claim_id]["published"]


def published_setup() -> Mapping[str, Any]:
    """How the published work ran: objects, views, training, oracle; raises as `claims`."""
    return _content()["setup"]


SHARES = ("C2", "C4", "C6", "C8", "C9", "C10", "C13", "C14")  # written in percent


_HEADLINES: Mapping[str, Callable[[Mapping[str, Any]], float]] = {  # how they follow from the published numbers
    "C1": lambda p: p["random_vs_predinit"]["channel_correlation"],
    "C2": lambda p: fmean(p[name][2] for name in PUBLISHED_OBJECTS),
    "C3": lambda p: p["ratio"],
    "C4": lambda p: fmean(p["low_only"].values()),
    "C5": lambda p: fmean(p["ratio"]),
    "C6": lambda p: fmean(p["structured_low"].values()),
    "C7": lambda p: fmean(p["ratio"].values()),
    "C8": lambda p: fmean(p[name]["std"] / p[name]["mean"] for name in ("stone", "office")),
    "C9": lambda p: p["triplane_unconstrained_l1_change"],
    "C10": lambda p: p["lora_freq_r8"]["l1"] / p["baseline"]["l1"] - 1,
    "C11": lambda p: fmean(p["lpips_freq"]) - fmean(p["lpips_std"]),
    "C12": lambda p: float(p["best_rank"]),
    "C13": lambda p: max(full / before - 1 for before, full, _ in p["per_object_l1"].values()),
    "C14": lambda p: p["fraction"],
}


class Headline(NamedTuple):
    """A published number in words, two lines in `texts/headlines.md`."""

    quantity: str  # what it is
    audited: str  # in what the audited one is another


HEADLINES = {name: Headline(*sections("headlines")[name].splitlines()) for name in _HEADLINES}
SHORT = {  # of claims, and of the two shares of the published pattern that none of them is
    "C1": "correlation of oracles",
    "C2": "fine share",
    "C3": "response, coarse over fine",
    "C4": "coarse corrected",
    "C5": "amplification",
    "C6": "coarse less mean",
    "C7": "occluded surface",
    "C8": "spread of directions",
    "low_share": "coarse share",
    "high_correction": "fine corrected",
}


def headline(claim_id: str) -> float:
    """The published number of a claim; raises ValueError if the claim is unknown."""
    return _HEADLINES[claim_id](published(claim_id))


def written(claim_id: str, value: float) -> str:
    """A number of a claim as a reader expects it: shares in percent, ranks whole, small ones with their digits."""
    if isnan(value):
        return "–"
    if claim_id in SHARES:
        scaled = 100 * value
        return f"{number(scaled, 3 if abs(scaled) < 0.1 else 1 if abs(scaled) < 10 else 0)}%"
    return number(value, 0 if float(value).is_integer() else 4 if abs(value) < 0.01 else 2)
