"""Does it carry over? The claims' numbers on models of growing quality, and on predictions moved to their oracles.

The rule is the section "rule" of `texts/ladder.md`, written down before any rung, a model told the truth, had been
measured. Its quality is its PSNR in novel views, the mean over the objects that all rungs have. Numbers are those by
the published definitions; what lies within `STEADY` of one, and towards what it moves, is seen from the best rung.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd

from lrm_core.findings.cause import pattern, pattern_met
from lrm_core.findings.claims import SHORT, headline, written
from lrm_core.findings.finding import Finding, say, told
from lrm_core.findings.prose import listed, mean_and_interval, number
from lrm_core.findings.quality import BASELINE, QUALITY
from lrm_core.findings.verdicts import RULES, experiment_table
from lrm_core.paths import data_dir
from lrm_core.profiles import PUBLISHED, RUNGS, get_profile
from lrm_core.records.statistics import FEWEST_OBJECTS, UNKNOWN, Interval, bca_interval, per_object
from lrm_core.training.pretrain import CURVE
from lrm_core.training.pretrain_config import get_preset
from lrm_core.training.publish import PRESET

CLAIMS = tuple(f"C{number}" for number in range(1, 9))
VIRTUAL, TEXT = "virtual_quality", "ladder"
MODELS = (*RUNGS, "mini")  # profiles in the order of training, the shipped model last
EXPERIMENTS = (QUALITY, *(RULES[claim].experiment for claim in ("C2", "C4", "C6", "C7", "C3", "C8", "C1")))
FEWEST_RUNGS = 3
STEADY = 0.05  # of the number, for each dB: a fifth over the four dB from the first rung to the last


@dataclass(frozen=True)
class Trend:
    """One claim's number over quality."""

    claim: str
    numbers: pd.DataFrame = field(default_factory=pd.DataFrame)  # of the objects that have all, at each PSNR
    slope: Interval = UNKNOWN  # of the numbers, per dB

    @property
    def answer(self) -> str:
        """What the rule of this module says."""
        if not self.slope.known or len(self.numbers.columns) < FEWEST_RUNGS:
            return "not measured yet"
        best = self.numbers.iloc[:, -1].mean()
        still = STEADY * abs(best)
        if -still < self.slope.low and self.slope.high < still:
            return "does not move"
        if self.slope.low <= 0 <= self.slope.high:
            return "not shown"
        return "moves towards" if (headline(self.claim) - best) * self.slope.estimate > 0 else "moves away"


def objects() -> list[str]:
    """What is measured on every rung."""
    return [folder.name for folder in get_profile(MODELS[0]).object_folders()]


@cache
def qualities() -> pd.DataFrame:
    """The rungs that were measured (the index), worst first: psnr (dB) and lpips in novel views, `Interval`s."""
    wanted, found = objects(), {}
    for name in MODELS:
        table = experiment_table(QUALITY, name)
        if table.empty or not set(wanted) <= set(table["object"]):
            continue
        values = {of: per_object(table, f"model.novel.{of}")[wanted].to_numpy() for of in ("psnr", "lpips")}
        found[name] = {of: bca_interval(each) for of, each in values.items()}
    table = pd.DataFrame.from_dict(found, orient="index", columns=["psnr", "lpips"])
    return table.sort_values("psnr", key=lambda column: column.map(lambda mean: mean.estimate))


def unmeasured() -> list[str]:
    """Rungs that are left out: their run or their records were cut, or were never begun."""
    return [name for name in MODELS if name not in qualities().index]


@cache
def trend(claim: str, after: str = "") -> Trend:
    """A claim over all rungs that have its number for every object, told the truth; `after` may be `PUBLISHED`."""
    rule, wanted, columns = RULES[claim], objects(), {}
    for name, quality in qualities().iterrows():
        table = experiment_table(rule.experiment, name + after)
        if not table.empty and set(wanted) <= set(table["object"]):
            columns[quality["psnr"].estimate] = per_object(table, rule.ours)
    return _trend(claim, pd.DataFrame(columns).reindex(wanted).dropna()) if columns else Trend(claim)


@cache
def virtual(claim: str, profile: str = "mini") -> Trend:
    """A claim over predictions that are moved towards their oracles; no trend where it does not see them."""
    table, rule = experiment_table(VIRTUAL, profile), RULES[claim]
    column = f"{rule.experiment}.{rule.ours}"
    if column not in table:
        return Trend(claim)
    psnr = np.mean(table["psnr"].tolist(), axis=0)
    values = {name: np.array(of, dtype=float) for name, of in zip(table["object"], table[column], strict=True)}
    return _trend(claim, pd.DataFrame.from_dict(values, orient="index", columns=psnr).dropna())


def _trend(claim: str, numbers: pd.DataFrame) -> Trend:
    if len(numbers) < FEWEST_OBJECTS or len(numbers.columns) < 2:
        return Trend(claim, numbers)
    quality = np.array(numbers.columns, dtype=float)
    quality = quality - quality.mean()
    slopes = numbers.to_numpy(dtype=float) @ quality / (quality @ quality)
    return Trend(claim, numbers, bca_interval(slopes))


def _trends(claim: str, profile: str) -> dict[str, Trend]:
    trends = {"told the truth": trend(claim), "as published": trend(claim, PUBLISHED)}
    return trends | {"moved to the oracle": virtual(claim, profile)}


def numbers_over_quality(profile: str = "mini") -> dict[str, dict[str, dict[float, Interval]]]:
    """Claim -> "told the truth", "as published" or "moved to the oracle" -> PSNR -> mean; what was measured."""
    return {
        claim: {
            label: {psnr: bca_interval(values.to_numpy()) for psnr, values in of.numbers.items()}
            for label, of in _trends(claim, profile).items()
            if len(of.numbers)
        }
        for claim in CLAIMS
    }


def rungs_table() -> pd.DataFrame:
    """Every rung that was measured: training objects, PSNR and LPIPS in novel views, as text; the published model."""
    rows = [
        (*_trained(name), mean_and_interval(of["psnr"], 1), mean_and_interval(of["lpips"], 2), _pattern(name))
        for name, of in qualities().iterrows()
    ]
    baseline = number(BASELINE["psnr"], 1), number(BASELINE["lpips"])
    rows.append(("published baseline, its own objects", "–", *baseline, "there"))
    return pd.DataFrame(rows, columns=["model", "training objects", "PSNR (dB)", "LPIPS", "the published pattern is"])


@cache
def _pattern(name: str) -> str:
    """Whether a model told the truth shows the four published shares, on the objects of the rungs."""
    shares = pattern(name, like=qualities().index[0])
    return pattern_met(shares) if all(mean.known for mean in shares.values()) else "not measured yet"


def _trained(name: str) -> tuple[str, str]:
    """What a rung is called, and how many objects it was trained on."""
    if name == "mini":
        last = pd.read_csv(data_dir() / "mini" / CURVE)["objects"].iloc[-1]
        return "the model of this book", f"{int(last):,}"
    return f"a smaller model after {RUNGS[name]} steps", f"{RUNGS[name] * get_preset(PRESET)[1].batch:,}"


def trends_table(profile: str = "mini") -> pd.DataFrame:
    """Every claim: published, its number on the worst and the best rung, change per dB and answer, as text."""
    rows = []
    for claim in CLAIMS:
        trends = _trends(claim, profile)
        numbers = trends["told the truth"].numbers
        ends = [
            written(claim, numbers.iloc[:, at].mean()) if len(numbers.columns) > least else "–"
            for at, least in ((0, 1), (-1, 0))
        ]
        cells = [
            "–" if of.answer == "not measured yet" else f"{mean_and_interval(of.slope, 3)}, {of.answer}"
            for of in trends.values()
        ]
        rows.append((f"{claim}: {SHORT[claim]}", written(claim, headline(claim)), *ends, *cells))
    columns = ["claim", "published", "worst model", "best model", *(f"per dB, {label}" for label in trends)]
    return pd.DataFrame(rows, columns=columns)


WORDS = {
    "moves towards": "Towards the published ones",
    "moves away": "Away from the published ones",
    "does not move": f"Steady, within {STEADY:.0%} for each dB",
    "not shown": "No trend shown",
    "not measured yet": "Not measured on enough models yet",
}


def _outcome(trends: Iterable[Trend], but: str = "") -> str:
    """Which claims do what, in words, without the answer `but`."""
    by = {answer: [] for answer in WORDS}
    for of in trends:
        by[of.answer].append(f"{SHORT[of.claim]} ({of.claim})")
    return " ".join(f"{WORDS[name]}: {listed(found)}." for name, found in by.items() if found and name != but)


def _resting_on_the_worst(table: pd.DataFrame) -> str:
    """The claims whose answer is another one without the worst rung, in words."""
    every = map(trend, CLAIMS)
    others = [of.claim for of in every if _trend(of.claim, of.numbers.iloc[:, 1:]).answer != of.answer]
    return listed(others) or "no claim"


def _lead(table: pd.DataFrame) -> str:
    """For which rungs the whole published pattern is there, in a sentence."""
    found = [name for name in qualities().index if _pattern(name) == "there"]
    steps = [str(RUNGS[name]) for name in found if name in RUNGS]
    smaller = [f"a smaller model after {listed(steps)} steps of training"] if steps else []
    there = listed(smaller + ["the model of this book"] * ("mini" in found))
    case = "best too" if "mini" in found else "only less trained" if found else "nowhere"
    return say(TEXT, f"lead: {case}", there=there)


MIDDLES = {"before": "psnr", "removed": "e08_band_correction.corrections.low.reference.improvement"}
FINDING = Finding(
    module=__name__,
    experiment=VIRTUAL,
    text=TEXT,
    typical=tuple(MIDDLES),
    derived={
        name: lambda table, of=path: table[of].map(lambda values: values[len(values) // 2])  # over `nearer`
        for name, path in MIDDLES.items()
    },
    facts={
        "rungs": lambda table: len(qualities()),
        "worst": lambda table: qualities()["psnr"].iloc[0],
        "best": lambda table: qualities()["psnr"].iloc[-1],
        "best.lpips": lambda table: qualities()["lpips"].iloc[-1],
        "published.psnr": lambda table: BASELINE["psnr"],
        "published.lpips": lambda table: BASELINE["lpips"],
        "limit": lambda table: f"{STEADY:.0%}",
        "objects": lambda table: len(objects()),
        "left": lambda table: listed([str(RUNGS.get(name, name)) for name in unmeasured()]),
        "lead": _lead,
        "worst.only": _resting_on_the_worst,
        "away": lambda table: sum(trend(claim).answer == "moves away" for claim in CLAIMS),
        "measured": lambda table: sum(trend(claim).answer != "not measured yet" for claim in CLAIMS),
        "outcome": lambda table: _outcome(map(trend, CLAIMS)),
        "outcome.published": lambda table: _outcome(trend(claim, PUBLISHED) for claim in CLAIMS),
        "outcome.virtual": lambda table: _outcome(map(virtual, CLAIMS), "not measured yet"),
    },
)


def caption(table: pd.DataFrame) -> tuple[str, str]:
    """How the figure reads, and what it says."""
    return told(FINDING, "caption", table), told(FINDING, "figure", table)
