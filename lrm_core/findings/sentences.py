"""Sentences of `texts`, Markdown with fields that the records fill: `{column:%}`, `{column:.2f}`, `{fact}`.

A section begins with `## name`. A specification that ends in `i` adds the 95% interval over the objects.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from lrm_core.findings.finding import Finding
from lrm_core.findings.prose import mean_and_interval, number, percent, percent_interval, percent_range
from lrm_core.records.statistics import Interval, interval_of

TEXTS = Path(__file__).with_name("texts")
FIELD = re.compile(r"\{([a-z][\w.\[\]]*)(?::([%.\w]*))?\}")


@cache
def sections(text: str) -> dict[str, str]:
    """The sections of a text, such as that of a claim, by name.

    Raises:
        FileNotFoundError: if there is no such text.
    """
    parts = re.split(r"^## (.+)\n", (TEXTS / f"{text}.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name.strip(): body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def told(finding: Finding, section: str, table: pd.DataFrame) -> str:
    """A section with its fields filled; the one that is written for the outcome, `## name: verdict`, if there is one.

    Args:
        table: completed, as by `Finding.completed`.

    Raises:
        ValueError: naming section and field, if there is no such section, column or fact.
    """
    text = finding.text
    if any(name.startswith(f"{section}: ") for name in sections(text)):
        chosen = f"{section}: {finding.outcome(table)}"
        section = chosen if chosen in sections(text) else section

    def fill(field: re.Match) -> str:
        name, how = field[1], field[2] or ""
        if name in finding.facts:
            return said(finding.facts[name](table), how)
        if name not in table:
            raise ValueError(f"{TEXTS / text}.md, {section}: no column and no fact {name!r}")
        return said(interval_of(table, name), how)

    return FIELD.sub(fill, _section(text, section))


def say(text: str, section: str, **fields: str) -> str:
    """A section of a text that is no claim's, with its fields filled in.

    Raises:
        ValueError: if there is no such section, or a field that it names is missing.
    """
    try:
        return _section(text, section).format(**fields)
    except KeyError as error:
        said = f"{TEXTS / text}.md: section {section!r} has a field {error} that nothing fills"
        raise ValueError(said) from error


def _section(text: str, section: str) -> str:
    if section not in sections(text):
        raise ValueError(f"{TEXTS / text}.md: no section {section!r}; it has {', '.join(sections(text))}")
    return sections(text)[section]


def said(value: Any, how: str) -> str:
    """A number, an interval, several numbers or words as a sentence has them."""
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, list):
        return percent_range(value)
    mean = value.estimate if isinstance(value, Interval) else float(value)
    wide = how.endswith("i") and isinstance(value, Interval)
    if how.startswith("%"):
        return percent_interval(value) if wide else percent(mean)
    digits = int(how.strip(".fi") or 2)
    return mean_and_interval(value, digits) if wide else number(mean, digits)
