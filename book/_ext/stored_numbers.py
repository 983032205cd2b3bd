"""Numbers in prose come from stored data and from the code: the role {stored}`name`; hovering says from where.

A name stands for a function of the profile in `NUMBERS`; an unknown name, or missing data, is a warning
and thereby an error of the build.
"""

import os
from collections.abc import Callable
from functools import cache, partial

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

from lrm_core.findings.claims import PUBLISHED_OBJECTS, claims, published, written
from lrm_core.findings.prose import listed, number, percent_range
from lrm_core.findings.repetition import repetition_sentence
from lrm_core.findings.rules import NOT_MEASURED, TOO_FEW, judge
from lrm_core.findings.verdicts import RULES, experiment_table, verdicts
from lrm_core.model.config import MINI_NAME
from lrm_core.model.initialise import DISTANCE
from lrm_core.objects.dataset import SHELL_DISTANCE
from lrm_core.objects.procedural import BOUND
from lrm_core.page.front.facts import FACTS, facts
from lrm_core.page.front.forest import (
    CONDITION,
    TRUTH,
    UNDECIDED,
    Line,
    conditions,
    interval_text,
    lines,
)
from lrm_core.profiles import get_profile
from lrm_core.render.cameras import FOCAL
from lrm_core.spectral import PUBLISHED_EDGES


def _band(index: int) -> list[float]:
    """Published shares of one band, one for each object."""
    return [published("C2")[name][index] for name in PUBLISHED_OBJECTS]


def _verdict(claim_id: str, profile: str) -> str:
    rule = RULES[claim_id]
    return judge(rule, experiment_table(rule.experiment, profile)).case.verdict.capitalize()


def _turned(profile: str) -> str:
    """Claims that get another verdict in the published condition than told the truth, with both."""
    told = {series: verdicts(name).set_index("claim")["verdict"] for series, name in conditions(profile).items()}
    if CONDITION not in told:
        return "Nothing was measured in it yet."
    pairs = [
        f"{claim_id} ({before}; now {told[CONDITION][claim_id]})"
        for claim_id, before in told[TRUTH].items()
        if told[CONDITION][claim_id] not in (before, *UNDECIDED)
    ]
    return f"This turned {listed(pairs)}." if pairs else "This turned no verdict."


def _studied(profile: str) -> str:
    """On which model and objects the numbers of a profile were measured."""
    if get_profile(profile).model == MINI_NAME:
        return (
            "All numbers of ours, but for the sizes on the fork's pictures, are measured on a small model of the "
            "same architecture and on other objects; none on the published weights."
        )
    return "All numbers of ours are measured on the published architecture, on other objects than the published ones."


NUMBERS: dict[str, Callable[[str], str]] = {
    "profile": lambda profile: profile,
    "claims": lambda profile: str(len(claims())),
    "c2.published.high": lambda profile: percent_range(_band(2)),
    "c3.published.ratio": lambda profile: number(published("C3")["ratio"], 1),
    "c4.published.low": lambda profile: percent_range([*published("C4")["low_only"].values()]),
    "object.radius": lambda profile: f"{BOUND:g}",
    "camera.focal": lambda profile: f"{FOCAL:g}",
    "camera.nearest": lambda profile: f"{SHELL_DISTANCE[0]:g}",
    "camera.farthest": lambda profile: f"{SHELL_DISTANCE[1]:g}",
    "camera.canonical": lambda profile: f"{DISTANCE:g}",
    "bands.low_mid": lambda profile: f"{PUBLISHED_EDGES[1]:g}",
    "bands.mid_high": lambda profile: f"{PUBLISHED_EDGES[2]:g}",
    "studied": _studied,
    "turned": _turned,
    "repetition": repetition_sentence,
    "bands.end": lambda profile: f"{PUBLISHED_EDGES[3]:g}",
}
NUMBERS |= {f"{name.lower()}.verdict": partial(_verdict, name) for name in RULES}


def _fact(name: str, profile: str) -> str:
    return facts(profile)[name]


NUMBERS |= {f"front.{name}": partial(_fact, name) for name in FACTS}

CHINESE = {
    "replicated": "复现",
    "replicated with a different size": "复现，大小不同",
    "not replicated": "未复现",
    "metric artefact": "度量假象",
    NOT_MEASURED.verdict: "尚未测量",
    TOO_FEW.verdict: "物体太少",
}
PARTS = ("published", "truth", "condition", "verdict")


@cache
def _lines(profile: str) -> dict[str, Line]:
    return {line.claim: line for line in lines(profile)}


def _row(claim_id: str, part: str, profile: str) -> str:
    """A cell of the Chinese summary, as the forest plot of the first page has it."""
    line = _lines(profile)[claim_id]
    if part == "verdict":
        return CHINESE[line.verdict]
    if part == "published":
        return written(claim_id, line.published)
    series = {"truth": TRUTH, "condition": CONDITION}[part]
    return next((interval_text(claim_id, mark) for mark in line.marks if mark.series == series), "–")


def _chinese_fact(name: str, profile: str) -> str:
    return _fact(name, profile).replace(" to ", "–").replace(" of ", "/").replace(" and ", "、")


def _studied_chinese(profile: str) -> str:
    """`_studied` for the Chinese summary."""
    small = get_profile(profile).model == MINI_NAME
    return (
        "我们的数字都来自同架构的小模型和别的物体，不是公开权重。"
        if small
        else "我们的数字来自公开的架构和别的物体。"
    )


NUMBERS |= {f"{name.lower()}.zh.{part}": partial(_row, name, part) for name in RULES for part in PARTS}
NUMBERS |= {f"{name.lower()}.truth": partial(_row, name, "truth") for name in RULES}
NUMBERS |= {f"front.zh.{name}": partial(_chinese_fact, name) for name in FACTS}
NUMBERS["zh.studied"] = _studied_chinese


class StoredNumber(nodes.inline):
    """Text with where it comes from, for those who rest on it; attribute `origin`."""


def origin(name: str, profile: str) -> str:
    """Where the number of that name comes from, in a few words."""
    claim_id, _, kind = name.upper().partition(".")
    if kind.removeprefix("ZH.").startswith("PUBLISHED"):
        return f"Claim {claim_id} as published, in data/claims.json"
    if claim_id == "FRONT":
        return f"From {FACTS[name.removeprefix('front.').removeprefix('zh.')].format(profile=profile)}"
    if claim_id in RULES:
        return f"From the records in data/results/{profile}/{RULES[claim_id].experiment}"
    return f"Counted or set by the code, profile {profile}"


def _visit_html(translator: HTML5Translator, node: StoredNumber) -> None:
    translator.body.append(translator.starttag(node, "span", "", title=node["origin"]))


def _depart_html(translator: HTML5Translator, node: StoredNumber) -> None:
    translator.body.append("</span>")


def stored(
    name: str,
    raw: str,
    text: str,
    line: int,
    inliner: Inliner,
    options: dict | None = None,
    content: list = (),
) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """The stored number of that name as text."""
    try:
        profile = chosen_profile()
        number = NUMBERS[text](profile)
        return [StoredNumber(raw, number, classes=["stored"], origin=origin(text, profile))], []
    except (KeyError, ValueError, FileNotFoundError) as error:
        known = ", ".join(sorted(NUMBERS))
        message = inliner.reporter.error(f"stored number {text!r}: {error}; known names: {known}", line=line)
        return [inliner.problematic(raw, raw, message)], [message]


def chosen_profile() -> str:
    """Of the book that is built."""
    return os.environ.get("LRM_PROFILE", "mini")


def setup(app: Sphinx) -> dict:
    """Register the role; pages are read again whenever the profile or the data changed."""
    app.add_role("stored", stored)
    app.add_node(StoredNumber, html=(_visit_html, _depart_html))
    return {"parallel_read_safe": True}
