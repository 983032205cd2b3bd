"""C2, where the residual lies: how it is judged, against which oracle, and what the chapter draws of it."""

from statistics import fmean

import numpy as np
import pandas as pd

from lrm_core.findings.claims import PUBLISHED_OBJECTS, published
from lrm_core.findings.figures import Lines, Panel, Row, Series, Strips
from lrm_core.findings.finding import Finding
from lrm_core.findings.prose import counted
from lrm_core.findings.rules import Condition, Rule, around, artefact, graded
from lrm_core.records.statistics import per_object
from lrm_core.spectral import PUBLISHED_EDGES
from lrm_core.spectral.bands import power_law_shares, profile_radii

BANDS = {
    name: f"{name} ({low:g} to {high:g})"
    for name, low, high in zip(("low", "mid", "high"), PUBLISHED_EDGES, PUBLISHED_EDGES[1:], strict=False)
}
LABELS = {"low": f"low band, below {PUBLISHED_EDGES[1]:g}", "high": f"high band, from {PUBLISHED_EDGES[2]:g}"}
SHARES = {name: [published("C2")[of][at] for of in PUBLISHED_OBJECTS] for at, name in enumerate(BANDS)}
ORACLES = {"predicted": "oracle from the prediction", "random": "oracle from noise"}
AUDITED_EDGES = (*PUBLISHED_EDGES[:-1], float("inf"))
PUBLISHED_SIZE = 64  # texels along a plane of the published model
EXPONENTS = np.linspace(0, 4, 81)
# 0.5: half of the high band's power would be there if the true residual were zero.
# 0.05: slack around the published shares, since objects, model and resolution differ.
FLOOR, SLACK = 0.5, 0.05


def rule_by(oracle: str, floor: str) -> Rule:
    """The rule on the residual to one oracle; a residual lives where its power is, and |DFT| is no power (A1)."""
    amplitude, power = (f"{oracle}.{measure}.high_minus_low" for measure in ("published", "power"))
    return Rule(
        claim="C2",
        experiment="e05_residual_spectrum",
        ours=f"{oracle}.published.high",
        audited=f"{oracle}.power.high",
        cases=(
            artefact(
                f"the null oracle leaves more than {FLOOR:.0%} of the high-band power: the fit makes it",
                [Condition(floor, over=FLOOR)],
            ),
            artefact(
                "the high band outweighs the low one by amplitude, but by power the low one does",
                [Condition(amplitude, over=0), Condition(power, under=0)],
            ),
            *graded(
                [Condition(power, over=0, failed="the high band is not shown to hold more power than the low one")],
                [around(f"{oracle}.published.high", SHARES["high"], SLACK)],
                f"the high band holds more power, and by amplitude the published share within {SLACK}",
                "the high band holds more power, and by amplitude another share",
            ),
        ),
    )


def law_shares(exponent: float) -> tuple[list[float], list[float]]:
    """Shares of the three bands for a power spectrum f^-exponent: by the published measure, and in power."""
    ways = (PUBLISHED_EDGES, "amplitude"), (AUDITED_EDGES, "power")
    return tuple(power_law_shares(PUBLISHED_SIZE, exponent, *way).tolist() for way in ways)


def matching_exponent() -> float:
    """Exponent at which a power law has the published share in the high band."""
    shares = [law_shares(exponent)[0][2] for exponent in EXPONENTS]
    return float(np.interp(-fmean(SHARES["high"]), [-share for share in shares], EXPONENTS))


def _after(at: int):
    """The high band's share of power after the shortest (0) or the longest (-1) fit."""
    return lambda table: fmean(values[at] for values in table[f"{LENGTHS}.power.high"].dropna())


def _null_over_random(table: pd.DataFrame) -> pd.Series:
    left, there = (table[f"{of}.rms"] ** 2 * table[f"{of}.power.high"] for of in ("null", "random"))
    return left / there


LENGTHS, QUALITY = "e18_oracle_length", "e01_oracle"
RULE, BY_NOISE = rule_by("predicted", "floor.high"), rule_by("random", "random_floor.high")


def _rows(measure: str) -> list[Row]:
    marks = {
        band: {"white noise": f"white_noise.{measure}.{band}"}
        | ({"published": SHARES[band]} if measure == "published" else {})
        for band in ("high", "low")
    }
    return [
        Row(LABELS[at], f"predicted.{measure}.{at}", of, {"random": f"random.{measure}.{at}"}, "predinit")
        for at, of in marks.items()
    ]


FINDING = Finding(
    rule=RULE,
    judged={ORACLES["predicted"]: RULE, ORACLES["random"]: BY_NOISE},
    typical=tuple(f"{oracle}.power.{band}" for oracle in ORACLES for band in ("low", "high")),
    starts=("predicted", "random", "null"),
    beside=(QUALITY, LENGTHS),
    derived={"random_floor.high": _null_over_random},
    facts={
        "published.high": lambda table: SHARES["high"],
        "coarse_by_noise": lambda table: counted(per_object(table, "random.power.high_minus_low") < 0),
        "white.blocks": lambda table: 3 / 4,  # three of the four numbers of a block vary inside it
        "law.exponent": lambda table: matching_exponent(),
        "law.low": lambda table: law_shares(matching_exponent())[1][0],
        "law.high": lambda table: law_shares(matching_exponent())[1][2],
        "fit.objects": lambda table: int(table[f"{LENGTHS}.power.high"].notna().sum()),
        "fit.shortest": _after(0),
        "fit.longest": _after(-1),
    },
    figures={
        "reference": Strips(
            Panel("share of amplitude, as published", _rows("published"), span=(0, 1)),
            Panel("share of power", _rows("power"), span=(0, 1)),
            names={"predinit": ORACLES["predicted"], "random": ORACLES["random"]},
        ),
        "profiles": Lines(
            x=lambda table: profile_radii(2 * len(table["predicted.profile"].iloc[0])).tolist(),
            axes=("frequency (× Nyquist)", "power per wave"),
            series=(
                Series("to the oracle from noise", "random.profile", "random"),
                Series("to the oracle from the prediction", "predicted.profile", "predinit"),
                Series("what the fit leaves", "null.profile", "null"),
            ),
            marks={"low | mid": PUBLISHED_EDGES[1], "mid | high": PUBLISHED_EDGES[2]},
            log_ticks=(0.03, 0.05, 0.1, 0.2, 0.4, 0.7, 1),
            log_y=True,
        ),
        "controls": Strips(
            Panel(
                "share of the power in the high band",
                (
                    Row("all texels (judged)", "predicted.power.high", {"white noise": "white_noise.power.high"}),
                    Row("only texels that the object occupies", "predicted.matter.power.high"),
                    Row("null oracle: what the fit makes", "null.power.high"),
                ),
                span=(0, 1),
            ),
            Panel(
                "power that the null oracle leaves, over that of the residual",
                (Row("high band", "floor.high"), Row("low band", "floor.low")),
                {"limit of the rule": FLOOR},
                (0, 1),
            ),
        ),
    },
)
