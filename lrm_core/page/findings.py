"""The verdict on a claim by the records of a profile, in words and as a table of its cases, and why it is that."""

import inspect
from collections.abc import Callable
from html import escape
from importlib import import_module
from pathlib import Path

import pandas as pd

from lrm_core.findings.cause import cause
from lrm_core.findings.claims import HEADLINES, written
from lrm_core.findings.finding import Finding, say, sections, told
from lrm_core.findings.rules import Case, judge
from lrm_core.findings.verdicts import FINDINGS, experiment_table
from lrm_core.paths import repository_root
from lrm_core.profiles import PROFILES, PUBLISHED

TRUTH, CONDITION = "told the truth", "told as published"
NEARLY = "told nearly the truth"  # in fine-tuning: 2.0, for objects at about that distance
FINETUNING = ("C10", "C11", "C12", "C13")
UNIVERSAL = ("not testable here", "not replicated")  # cases that every rule may have


def told_words(claim_id: str, series: str) -> str:
    """What the encoder was told for a claim: `TRUTH`, `NEARLY` that, or `CONDITION`."""
    return NEARLY if series == TRUTH and claim_id in FINETUNING else series


def reason(claim_id: str, verdict: str, profile: str) -> str:
    """Why a claim has this verdict by the records of a profile, in a few words; empty where there are none.

    They are the section "why" of its text for this verdict, else the condition that failed.
    """
    declared = FINDINGS[claim_id]
    table = experiment_table(declared.experiment, profile)
    if (section := f"why: {verdict}") in sections(claim_id):
        return told(declared, section, table)
    if verdict != "not replicated":
        return ""
    case = judge(declared.rule, table).case
    missed = declared.failed(case, table)
    near = ", a near miss" if declared.is_near(case, table) else ""
    return f"{missed[:1].upper()}{missed[1:]}{near}." if missed else ""


def verdict_words(finding: Finding, table: pd.DataFrame) -> str:
    """The verdict, by each way of judging where they differ, and what kept it from being another."""
    by = {how: judge(rule, table).case for how, rule in finding.judged.items()}
    if len({case.verdict for case in by.values()}) > 1:
        return " ".join(f"By the {how}: {case.verdict}." for how, case in by.items())
    found = judge(finding.rule, table).case
    missed = finding.failed(found, table)
    if not missed:
        return f"{found.verdict.capitalize()}."
    near = "a near miss, since " if finding.is_near(found, table) else "since "
    return f"{found.verdict.capitalize()}, {near}{missed}."


def both_words(finding: Finding, table: pd.DataFrame, profile: str) -> str:
    """`verdict_words`, after the verdict told as published where that was measured and is another one."""
    words, rule = verdict_words(finding, table), finding.rule
    told_so = _told_as_published(finding, profile)
    if not told_so or told_so.verdict == judge(rule, table).case.verdict:
        return words
    truth = told_words(rule.claim, TRUTH).capitalize()
    return f"{CONDITION.capitalize()}: {told_so.verdict}. {truth}: {words[0].lower()}{words[1:]}"


def _told_as_published(finding: Finding, profile: str) -> Case | None:
    """What decided where the encoder was told the distances of the published runs, if that was measured."""
    rule, twin = finding.rule, profile + PUBLISHED
    if twin not in PROFILES or not cause(rule.claim, profile).towards.known:
        return None
    return judge(rule, experiment_table(rule.experiment, twin)).case


def condition_words(finding: Finding, profile: str) -> str:
    """Number and verdict where the encoder is told the distances of the published runs, if that was measured."""
    rule, told_so = finding.rule, _told_as_published(finding, profile)
    if told_so is None:
        return ""
    found = cause(rule.claim, profile)
    told_truth = judge(rule, experiment_table(rule.experiment, profile)).case
    turned = told_so.verdict == "metric artefact" != told_truth.verdict
    return say(
        "conditions",
        "told as published",
        quantity=HEADLINES[rule.claim].quantity,
        told=told_words(rule.claim, TRUTH),
        truth=written(rule.claim, found.truth.estimate),
        condition=written(rule.claim, found.condition.estimate),
        published=written(rule.claim, found.published),
        objects=str(found.condition.n),
        verdict=told_so.verdict,
        why=f" ({told_so.words})" if turned else "",
    )


def cases_html(finding: Finding, table: pd.DataFrame) -> str:
    """Cases of the rule in words, with the comparisons as a title, the verdict, and whether it decided.

    What every rule has, too few seeds and none of its cases, stands there only where it decided. The claim links to
    the rule as code.
    """
    ways = finding.judged or {"": finding.rule}
    decided = [judge(rule, table).case.words for rule in ways.values()]
    head = "".join(f"<th>{escape(text)}</th>" for text in ("verdict", *ways))
    source, body = source_link(module_file(finding), 1, finding.rule.claim), ""
    for case in finding.rule.cases:
        if case.verdict in UNIVERSAL and case.words not in decided:
            continue
        code = " and ".join(c.code for c in case.conditions)
        cells = "".join(f"<td>{'<b>decides</b>' if words == case.words else ''}</td>" for words in decided)
        body += f'<tr title="{escape(code)}"><td>{escape(case.words)}</td><td>{case.verdict}</td>{cells}</tr>'
    return (
        f'<div class="lrm-cases"><table class="dataframe words"><thead><tr><th>{source}, if</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def module_file(finding: Finding) -> Path:
    """Where a finding is declared."""
    return Path(inspect.getsourcefile(import_module(finding.module)))


def function_link(function: Callable, before: str = "") -> str:
    """A link to where a function stands, after some words, as HTML."""
    function = inspect.unwrap(function)  # of its cache
    path, (_, start) = Path(inspect.getsourcefile(function)), inspect.getsourcelines(function)
    name = path.stem if function.__name__ == "run" else function.__name__
    return before + source_link(path, start, name)


def source_link(path: Path, line: int, text: str) -> str:
    """A link to a line of the repository, as HTML."""
    return f'<a href="../{path.relative_to(repository_root()).as_posix()}#L{line}"><code>{text}</code></a>'
