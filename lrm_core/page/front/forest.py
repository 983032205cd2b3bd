"""Every claim on one scale: ours over the published number, told the truth and in the published condition."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import isnan

import pandas as pd

from lrm_core.findings.claims import written
from lrm_core.findings.rules import NOT_MEASURED, TOO_FEW
from lrm_core.findings.verdicts import verdicts
from lrm_core.page.findings import CONDITION, TRUTH, reason, told_words
from lrm_core.profiles import PROFILES, PUBLISHED, get_profile

UNDECIDED = (NOT_MEASURED.verdict, TOO_FEW.verdict)
SCALE = (-0.6, 4.0)  # in published numbers; what lies beyond is drawn at the edge
TICKS = {0: "0", 1: "published", 2: "", 3: "3 ×", 4: ""}
HEIGHT, APART = 26, 10  # pixels: of a row, and between its two series


@dataclass(frozen=True)
class Mark:
    """Ours in one condition, by the published definition, in the unit of the published number."""

    series: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """One claim.

    Attributes:
        claim, title, quantity: what it is.
        published: its number.
        marks: ours, first told the truth; a condition that cannot be judged yet is left out.
        verdict: told as published where that was measured, else told the truth.
        why: in a few words; what the distance does to the number where both conditions were measured.
    """

    claim: str
    title: str
    quantity: str
    published: float
    marks: tuple[Mark, ...]
    verdict: str
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
    said = (
        "; ".join(f"{told_words(line.claim, mark.series)} {interval_text(line.claim, mark)}" for mark in line.marks)
        or "not measured yet"
    )
    alt = escape(f"{line.claim}: published {written(line.claim, line.published)}; {said}.", quote=True)
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
    name = "ours" if len(line.marks) < 2 else "{}"
    ours = [
        f"{name.format(told_words(line.claim, mark.series))} {interval_text(line.claim, mark)}" for mark in line.marks
    ]
    return [f"published {written(line.claim, line.published)}", *ours]
