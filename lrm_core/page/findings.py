"""The verdict on a claim by the records of a profile: in words, as a table of its cases, and all on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import isnan

import pandas as pd

from lrm_core.findings.cause import cause
from lrm_core.findings.claims import HEADLINES, written
from lrm_core.findings.finding import Finding, say, sections, told
from lrm_core.findings.rules import NOT_MEASURED, TOO_FEW, All, Case, judge
from lrm_core.findings.verdicts import FINDINGS, experiment_table, verdicts
from lrm_core.page.chapter import module_file, source_link
from lrm_core.profiles import PROFILES, PUBLISHED, get_profile

TRUTH, CONDITION = "told the truth", "told as published"
NEARLY = "told nearly the truth"  # in fine-tuning: 2.0, for objects at about that distance
FINETUNING = ("C10", "C11", "C12", "C13")
UNIVERSAL = ("not testable here", "not replicated")  # cases that every rule may have
UNDECIDED = (NOT_MEASURED.verdict, TOO_FEW.verdict)
SCALE = (-0.6, 4.0)  # in published numbers; what lies beyond is drawn at the edge
TICKS = {0: "0", 1: "published", 2: "", 3: "3 ×", 4: ""}
HEIGHT, APART = 26, 10  # pixels: of a row, and between its two series


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
        code = " and ".join(c.code for c in case.holds) if isinstance(case.holds, All) else ""
        cells = "".join(f"<td>{'<b>decides</b>' if words == case.words else ''}</td>" for words in decided)
        body += f'<tr title="{escape(code)}"><td>{escape(case.words)}</td><td>{case.verdict}</td>{cells}</tr>'
    return (
        f'<div class="lrm-cases"><table class="dataframe words"><thead><tr><th>{source}, if</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


@dataclass(frozen=True)
class Mark:
    """Ours in one condition, by the published definition, in the unit of the published number."""

    series: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """One claim with its published number."""

    claim: str
    title: str
    quantity: str
    published: float
    marks: tuple[Mark, ...]  # ours, first told the truth; a condition that cannot be judged yet is left out
    verdict: str  # told as published where that was measured, else told the truth
    why: str


def conditions(profile: str) -> dict[str, str]:
    """Profiles by what the encoder is told; the published condition only where it has records."""
    found = {TRUTH: profile}
    twin = profile + PUBLISHED
    if twin in PROFILES and any(get_profile(twin).results.glob("*/*.json")):
        found[CONDITION] = twin
    return found


def lines(profile: str) -> list[Line]:
    """Every claim with its numbers by the published definition and its verdict; raises as `verdicts`."""
    names = conditions(profile)
    tables = {series: verdicts(name).set_index("claim") for series, name in names.items()}
    return [_line(claim_id, tables, names) for claim_id in tables[TRUTH].index]


def _line(claim_id: str, tables: dict[str, pd.DataFrame], names: dict[str, str]) -> Line:
    rows = {series: table.loc[claim_id] for series, table in tables.items()}
    if CONDITION in rows and rows[CONDITION].verdict in UNDECIDED:
        del rows[CONDITION]
    marks = tuple(
        Mark(series, row.ours_published_definition, row.ours_low, row.ours_high)
        for series, row in rows.items()
        if not isnan(row.ours_published_definition)
    )
    if len({mark.value for mark in marks}) == 1:  # a number that no distance moves
        marks = marks[:1]
    decides = CONDITION if CONDITION in rows else TRUTH
    row = rows[decides]
    why = reason(claim_id, row.verdict, names[decides])
    return Line(claim_id, row.title, row.quantity, row.published, marks, row.verdict, why)


def with_interval(claim_id: str, value: float, low: float, high: float) -> str:
    """A number and its interval, unless that is a point (such as a count of parameters) or unknown."""
    low, high = (written(claim_id, end).removesuffix("%") for end in (low, high))
    ends = "" if isnan(value) or low == high else f" [{low}, {high}]"
    return written(claim_id, value) + ends


def interval_text(claim_id: str, mark: Mark) -> str:
    """A number of ours `with_interval`, which no line breaks."""
    return with_interval(claim_id, mark.value, mark.low, mark.high).replace(", ", ",\N{NO-BREAK SPACE}")


def strip(line: Line) -> str:
    """A claim's row of the plot as SVG that stretches with its column."""
    parts = [f'<line class="tick" x1="{_place(at)}" x2="{_place(at)}" y1="0" y2="100%"/>' for at in TICKS if at != 1]
    parts.append(f'<line class="published" x1="{_place(1)}" x2="{_place(1)}" y1="0" y2="100%"/>')
    for at, mark in enumerate(line.marks):
        y = HEIGHT / 2 + APART * (at - (len(line.marks) - 1) / 2)
        parts.append(_drawn(mark, line.published, y))
    said = "; ".join(_told(line)) or "not measured yet"
    alt = escape(f"{line.claim}: published {written(line.claim, line.published)}; {said}.")
    size = f'width="100%" height="{HEIGHT}"'
    return f'<svg class="lrm-strip" role="img" aria-label="{alt}" {size}>{"".join(parts)}</svg>'


def axis() -> str:
    """The scale above the rows as SVG."""
    labels = "".join(
        f'<text x="{_place(at)}" y="14" text-anchor="middle">{words}</text>' for at, words in TICKS.items()
    )
    return f'<svg class="lrm-strip" aria-hidden="true" width="100%" height="18">{labels}</svg>'


def legend(shown: Sequence[Line]) -> str:
    """The series that are drawn, as HTML."""
    series = dict.fromkeys(mark.series for line in shown for mark in line.marks)
    return "".join(
        f'<span><svg class="lrm-strip" width="14" height="12" aria-hidden="true">'
        f"{_symbol(name, '50%', 6)}</svg> ours, {name}</span>"
        for name in series
    )


def _place(times: float) -> str:
    low, high = SCALE
    return f"{100 * (min(max(times, low), high) - low) / (high - low):.2f}%"


def _symbol(series: str, x: str, y: float) -> str:
    kind = "condition" if series == CONDITION else "truth"
    return f'<circle class="{kind}" cx="{x}" cy="{y:g}" r="4.5"/>'


def _drawn(mark: Mark, published: float, y: float) -> str:
    value, *ends = (each / published for each in (mark.value, mark.low, mark.high))
    kind = "condition" if mark.series == CONDITION else "truth"
    bar = "" if any(map(isnan, ends)) else (
        f'<line class="{kind}" x1="{_place(min(ends))}" x2="{_place(max(ends))}" y1="{y:g}" y2="{y:g}"/>'
    )  # fmt: skip
    if value > SCALE[1] or value < SCALE[0]:
        anchor = "end" if value > 0 else "start"
        return f'<text class="{kind}" x="{_place(value)}" y="{y + 5:g}" text-anchor="{anchor}">{value:.0f} × →</text>'
    return bar + _symbol(mark.series, _place(value), y)


def numbers(line: Line) -> list[str]:
    """What stands beside a row: the published number, and ours with the condition where there are two."""
    return [f"published {written(line.claim, line.published)}", *_told(line, "ours" if len(line.marks) < 2 else "")]


def _told(line: Line, instead: str = "") -> list[str]:
    """Each number of ours after what the encoder was told, or another word instead."""
    return [f"{instead or told_words(line.claim, of.series)} {interval_text(line.claim, of)}" for of in line.marks]
