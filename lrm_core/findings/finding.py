"""What a chapter knows of its claim, or of what it measures without one: rule, example, facts, figures, sentences.

The sentences are those of `texts`, Markdown with fields that the records fill: `{column:%}`, `{column:.2f}`,
`{column:,}`, `{fact}`. A section begins with `## name`. A specification that ends in `i` adds the 95% interval.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from lrm_core.findings.figures import Declaration
from lrm_core.findings.prose import mean_and_interval, number, percent, percent_interval, percent_range
from lrm_core.findings.rules import Case, Condition, Either, Rule, judge
from lrm_core.records.statistics import Interval, interval_of

TEXTS = Path(__file__).with_name("texts")
GRADES = ("replicated", "replicated with a different size", "not replicated")
FIELD = re.compile(r"\{([a-z][\w.\[\]]*)(?::([,%.\w]*))?\}")


@dataclass(frozen=True)
class Finding:
    """One claim as its chapter tells it, or what a chapter measures that examines none."""

    rule: Rule | None = None  # of the scorecard; without one `module`, `experiment` and `text` are given
    typical: tuple[str, ...] = ()  # columns; the example is the object that is nearest to the mean in all of them
    figures: Mapping[str, Declaration] = field(default_factory=dict)  # by the names in the sentences
    starts: tuple[str, ...] = ("predicted",)  # of the oracles that the chapter needs of its example
    judged: Mapping[str, Rule] = field(default_factory=dict)  # `rule` first, and others, by what they are judged by
    beside: tuple[str, ...] = ()  # other experiments, whose columns join the table as `<experiment>.<column>`
    derived: Mapping[str, Callable[[pd.DataFrame], pd.Series]] = field(default_factory=dict)  # columns from others
    facts: Mapping[str, Callable[[pd.DataFrame], Any]] = field(default_factory=dict)  # of sentences, if no columns
    experiment: str = ""  # whose records are read, by default that of the rule
    text: str = ""  # its file in `texts`, by default that of the claim
    module: str = ""  # where it is declared, by default that of the claim

    def __post_init__(self) -> None:
        if self.rule:
            claim = self.rule.claim
            own = {"experiment": self.rule.experiment, "text": claim, "module": f"{__package__}.c{claim[1:]:0>2}"}
            for name, value in own.items():
                object.__setattr__(self, name, getattr(self, name) or value)

    def completed(self, table: pd.DataFrame, beside: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """The table of the rule's experiment with the columns of the others and the derived ones."""
        for name, other in beside.items():
            if not other.empty:
                named = other.set_index(["object", "seed"]).add_prefix(f"{name}.")
                table = table.join(named, on=["object", "seed"])
        return table.assign(**self.derived) if len(table) else table

    def example(self, table: pd.DataFrame, groups: Mapping[str, str]) -> str:
        """The real object (any, if there is none) whose farthest distance from the mean is least.

        Distances are in standard deviations over all objects, in the columns of `typical`.
        """
        values = table.groupby("object")[list(self.typical)].mean()
        far = ((values - values.mean()) / values.std(ddof=0)).abs().max(axis=1).fillna(0)
        real = [name for name in far.index if groups[name] == "real"]
        return str((far[real] if real else far).idxmin())

    def outcome(self, table: pd.DataFrame) -> str:
        """The verdict; "depends" where the ways of judging do not agree."""
        verdicts = {judge(rule, table).case.verdict for rule in (self.rule, *self.judged.values())}
        return verdicts.pop() if len(verdicts) == 1 else "depends"

    def failed(self, case: Case, table: pd.DataFrame) -> str:
        """What kept a better verdict from holding, in words; empty where nothing did."""
        return next((missed.failed for missed in self._missed(case, table)), "")

    def is_near(self, case: Case, table: pd.DataFrame) -> bool:
        """Whether the means satisfy the conditions that the intervals miss."""
        means = cache(lambda column: Interval(*[interval_of(table, column).estimate] * 3, 0))
        return all(condition(means) for condition in self._missed(case, table))

    def _missed(self, case: Case, table: pd.DataFrame) -> list[Condition | Either]:
        """What is missing to the least replication, or to the whole one if the size is another."""
        better = GRADES[: GRADES.index(case.verdict)] if case.verdict in GRADES else ()
        wanted = [of for of in self.rule.cases if of.verdict in better]
        return wanted[-1].missed(lambda column: interval_of(table, column)) if wanted else []


@cache
def sections(text: str) -> dict[str, str]:
    """The sections of a text, such as that of a claim, by name.

    FileNotFoundError if there is no such text.
    """
    parts = re.split(r"^## (.+)\n", (TEXTS / f"{text}.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name.strip(): body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def told(finding: Finding, section: str, table: pd.DataFrame) -> str:
    """A section filled from a table by `Finding.completed`; that of the outcome, `## name: verdict`, if there is one.

    ValueError naming section and field, if there is no such section, column or fact.
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

    ValueError if there is no such section, or a field that it names is missing.
    """
    try:
        return _section(text, section).format(**fields)
    except KeyError as error:
        raise ValueError(f"{TEXTS / text}.md: section {section!r} has a field {error} that nothing fills") from error


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
    if how == ",":
        return f"{mean:,.0f}"
    if how.endswith("g"):
        return f"{mean:#{how}}"
    digits = int(how.strip(".fi") or 2)
    return mean_and_interval(value, digits) if wide else number(mean, digits)
