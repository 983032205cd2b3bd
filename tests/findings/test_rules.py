"""Every case of the rules of claims C1 to C9 is reached; those of C10 to C14 are tried on runs of fine-tuning."""

from itertools import product
from math import isnan

import pandas as pd
import pytest

from lrm_core.findings import c01, c03, c06, c07, c08
from lrm_core.findings.c09 import LESS, SLACK
from lrm_core.findings.rules import judge
from lrm_core.findings.verdicts import RULES

SAME, OTHER = "replicated", "replicated with a different size"
ARTEFACT, NOT = "metric artefact", "not replicated"


def table(row: dict, objects: int = 6) -> pd.DataFrame:
    """The row for so many objects and two seeds, with 1% of spread between objects."""
    rows = [
        {"object": f"o{k}", "seed": seed} | {name: x * (0.99 + 0.02 * k / objects) for name, x in row.items()}
        for k, seed in product(range(objects), (0, 1))
    ]
    return pd.DataFrame(rows)


def c1(latent=0.1, in_matter=0.1, features=0.1, gap=0.2, closeness=5.0, barrier=4.0) -> dict:
    names = (c01.ALL_TEXELS, c01.MATTER, c01.FEATURES, "alike.gap", "alike.closeness", c01.BARRIER)
    return dict(zip(names, (latent, in_matter, features, gap, closeness, barrier), strict=True))


def c2(low=0.1, high=0.6, amplitude_high=0.5, amplitude_low=0.16, floor=0.01) -> dict:
    return {
        "predicted.published.high": amplitude_high,
        "predicted.published.high_minus_low": amplitude_high - amplitude_low,
        "predicted.power.high": high,
        "predicted.power.high_minus_low": high - low,
        "floor.high": floor,
    }


def c3(ours=2.4, reference=2.0, predicted=2.0) -> dict:
    return {c03.ENDS: ours, c03.AROUND["oracle"]: reference, c03.AROUND["prediction"]: predicted}


def c4(low=0.65, high=0.04, truth_low=0.3, truth_high=0.1, control=-0.4) -> dict:
    return {
        "corrections.low.reference.improvement": low,
        "corrections.high.reference.improvement": high,
        "corrections.low.truth.improvement": truth_low,
        "margin.low_minus_high.reference": low - high,
        "margin.low_minus_high.truth": truth_low - truth_high,
        "margin.low_minus_random.reference": low - control,
    }


def c5(mixture=40.0, one_cutoff=40.0, truth=40.0) -> dict:
    """Ratios; the yield of the high band is 1."""
    return {
        "amplification.published_mixture.ratio": mixture,
        "amplification.published_mixture.low_minus_twice_high": mixture - 2,
        "amplification.reference.ratio": one_cutoff,
        "amplification.reference.low_minus_twice_high": one_cutoff - 2,
        "amplification.truth.low_minus_twice_high": truth - 2,
    }


def c6(structured=0.4, dc=0.05, truth=0.2, truth_dc=0.02) -> dict:
    margins = {c06.MARGIN["reference"]: structured - 2 * dc, c06.MARGIN["truth"]: truth - 2 * truth_dc}
    return {c06.REST["reference"]: structured, c06.REST["truth"]: truth, c06.DC["reference"]: dc} | margins


def c7(ours=1.16, truth=1.16) -> dict:
    return {c07.OURS: ours, c07.TRUTH: truth}


def c8(ours=c08.PUBLISHED_SPREAD, jitter=0.1, random=0.01, bands=0.02, leading=-1.0) -> dict:
    names = (c08.OURS, c08.JITTER, c08.RANDOM, c08.BANDS, c08.LEADING)
    return dict(zip(names, (ours, jitter, random, bands, leading), strict=True))


# As published: L1 falls by the published amounts, LPIPS does not follow, and stopping helps nothing.
STORY = {
    **{"planes.end.l1": -0.36, "planes.end.lpips": 0.02, "planes.after_best.lpips": 0.04},
    **{"planes.stopped.l1": -0.1, "planes.stopped.lpips": -0.02},
    **{"tokens.end.l1": -0.55, "tokens.end.lpips": -0.01, "tokens.after_best.lpips": 0.03},
    **{"tokens.stopped.l1": -0.2, "tokens.stopped.lpips": -0.03},
}


def c9(space: str = "planes", **changed: float) -> dict:
    """Another story: entries of one space, such as `end_l1`."""
    names = {f"{space}.{key.rpartition('_')[0]}.{key.rpartition('_')[2]}": x for key, x in changed.items()}
    assert names.keys() <= STORY.keys()
    return STORY | names


BETTER = {"planes.end.lpips": -0.3, "tokens.end.lpips": -0.3}
RISEN = {"planes.after_best.lpips": 0.2, "tokens.after_best.lpips": 0.2}
CASES = {
    SAME: [
        *(c1(), c2(), c3(), c3(ours=2.0), c4(), c5(), c6()),
        *(c7(), c7(1.2, 1.4), c7(1.16, 0.9), c8()),
        *(c9(), c9(stopped_lpips=-2 * LESS, stopped_l1=0.1), STORY | BETTER | RISEN),
    ],
    OTHER: [
        *(c1(barrier=0.2), c1(in_matter=0.5), c2(amplitude_high=0.65)),
        *(c3(ours=1.8), c3(ours=3.2), c3(ours=0.9), c4(low=0.4), c4(high=0.3)),
        *(c5(one_cutoff=20), c5(one_cutoff=60), c6(structured=0.7), c6(dc=0.15)),
        *(c7(1.02, 1.1), c7(1.4, 1.1), c7(0.8, 0.8), c8(ours=0.03), c8(ours=0.0005)),
        *(c9(end_l1=-0.364 + 2 * SLACK), c9("tokens", end_l1=-0.64 - 2 * SLACK)),
    ],
    ARTEFACT: [
        *(c1(in_matter=0.9), c1(features=0.9), c2(low=0.7, high=0.12), c2(floor=0.8)),
        *(c3(reference=0.9), c3(predicted=0.9), c4(truth_high=0.4), c4(control=0.8)),
        *(c4(truth_low=-0.1, truth_high=-0.2), c5(one_cutoff=1.5), c5(truth=1.5)),
        *(c6(truth_dc=0.15), c6(truth=-0.1, truth_dc=-0.2), c7(1.16, 2.5), c7(1.02, 1.6)),
        *(c8(jitter=0.9), c8(jitter=0.9, bands=0.3, leading=50.0), c8(bands=0.3), c8(leading=20.0)),
        *(c9("tokens", stopped_lpips=-2 * LESS), c9(stopped_lpips=-2 * LESS)),
    ],
    NOT: [
        *(c1(latent=0.9, in_matter=0.9, features=0.9), c1(gap=3.0), c1(gap=-3.0), c1(closeness=-1.0)),
        *(c2(0.7, 0.12, 0.2, 0.4), c3(ours=0.9, reference=0.9), c3(predicted=1.0)),
        *(c4(low=0.2, high=0.5), c4(0.2, 0.5, truth_high=0.4), c4(0.2, 0.5, control=0.8)),
        *(c5(mixture=1.5, one_cutoff=1.5), c6(structured=0.2, dc=0.3), c6(0.2, 0.3, truth_dc=0.15)),
        *(c7(2.5, 1.1), c7(2.5, 2.5), c8(ours=0.2), c8(random=0.2, bands=0.3), c8(ours=0.2, jitter=0.9)),
        *(STORY | BETTER, c9("tokens", end_lpips=-0.3), c9(end_l1=0.1), c9("tokens", end_l1=0.1)),
    ],
}
EACH = [(verdict, row) for verdict, rows in CASES.items() for row in rows]


def rule_of(row: dict):
    return next(rule for rule in RULES.values() if rule.ours in row and rule.audited in row)


@pytest.mark.parametrize(("verdict", "row"), EACH)
def test_each_row_has_its_verdict(verdict, row):
    assert judge(rule_of(row), table(row)).case.verdict == verdict


def test_every_case_is_reached():
    reached = {id(judge(rule_of(row), table(row)).case) for _, row in EACH}
    cases = {claim: RULES[claim].cases for claim in RULES if int(claim[1:]) < 10}
    assert [(claim, c.words) for claim, of in cases.items() for c in of if id(c) not in reached] == []


def test_an_interval_that_straddles_a_threshold_decides_nothing():
    mixed = table(c2())
    mixed["predicted.power.high_minus_low"] *= [1, 1, -1, -1] * 3
    assert judge(RULES["C2"], mixed).case.verdict == NOT


@pytest.mark.parametrize("row", [c1(), c3()])
def test_too_few_objects(row):
    found = judge(rule_of(row), table(row, objects=2))
    assert found.case.verdict == "not testable here"
    assert isnan(found.audited.low)
