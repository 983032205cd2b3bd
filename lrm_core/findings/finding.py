"""What a chapter knows of its claim, or of what it measures without one: rule, example, facts, figures, sentences."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lrm_core.findings.figures import Declaration
from lrm_core.findings.rules import Case, Condition, Either, Rule, judge
from lrm_core.records.statistics import Interval, interval_of


@dataclass(frozen=True)
class Finding:
    """One claim as its chapter tells it, or what a chapter measures that examines none.

    Attributes:
        module: where it is declared.
        rule: that of the scorecard; None without a claim, and then `experiment` and `text` are given.
        judged: further rules by what they are judged by, the first name being that of `rule` itself.
        typical: columns; the example is the object that is nearest to the mean in all of them.
        starts: of the oracles that the chapter needs of its example.
        beside: other experiments, whose columns join the table with the experiment's name before them.
        derived: columns worked out from others.
        facts: numbers of the sentences that are no column: table -> number, numbers or words.
        figures: by the name under which the sentences tell of them.
        experiment: whose records are read; that of the rule if none is named.
        text: its file in `texts`; that of the claim if none is named.
    """

    module: str
    rule: Rule | None
    typical: tuple[str, ...]
    figures: Mapping[str, Declaration]
    starts: tuple[str, ...] = ("predicted",)
    judged: Mapping[str, Rule] = field(default_factory=dict)
    beside: tuple[str, ...] = ()
    derived: Mapping[str, Callable[[pd.DataFrame], pd.Series]] = field(default_factory=dict)
    facts: Mapping[str, Callable[[pd.DataFrame], Any]] = field(default_factory=dict)
    experiment: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if self.rule:
            object.__setattr__(self, "experiment", self.experiment or self.rule.experiment)
            object.__setattr__(self, "text", self.text or self.rule.claim)

    def completed(self, table: pd.DataFrame, beside: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """The table of the rule's experiment with the columns of the others and the derived ones."""
        for name, other in beside.items():
            if not other.empty:
                named = other.rename(columns=lambda c, n=name: c if c in ("object", "seed") else f"{n}.{c}")
                table = table.merge(named, on=["object", "seed"], how="left")
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
        missed = self._missed(case, table)
        return missed[0].failed if missed else ""

    def is_near(self, case: Case, table: pd.DataFrame) -> bool:
        """Whether the means satisfy the conditions that the intervals miss."""

        def mean(column: str) -> Interval:
            estimate = interval_of(table, column).estimate
            return Interval(estimate, estimate, estimate, 0)

        return all(condition(mean) for condition in self._missed(case, table))

    def _missed(self, case: Case, table: pd.DataFrame) -> list[Condition | Either]:
        """What is missing to the least replication, or to the whole one if the size is another."""
        weaker = {
            "not replicated": "replicated with a different size",
            "replicated with a different size": "replicated",
        }
        if case.verdict not in weaker:
            return []
        wanted = [of for of in self.rule.cases if of.verdict in (weaker[case.verdict], "replicated")][-1]
        return wanted.holds.missed(lambda column: interval_of(table, column))
