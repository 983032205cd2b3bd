"""The case of every rule that decides, on made-up records, and how numbers are written."""

import pandas as pd
import pytest

from lrm_core.findings import c06, c07, c08, prose
from lrm_core.findings.c01 import ALL_TEXELS, BARRIER, FEATURES, MATTER
from lrm_core.findings.c03 import AROUND, ENDS
from lrm_core.findings.c04 import HIGH, LOW, MARGIN, RANDOM
from lrm_core.findings.c05 import MIXTURE, REFERENCE, TESTED, TRUTH
from lrm_core.findings.rulebook import RULES
from lrm_core.findings.verdicts import judge
from lrm_core.page.findings import stored_verdict
from lrm_core.records.statistics import Interval

BASINS = {
    ALL_TEXELS: 0.1, MATTER: 0.1, FEATURES: 0.1, "alike.gap": 0.2, "alike.closeness": 3.0, BARRIER: 4.0,
    "heldout.psnr.pred": 21.0, "heldout.psnr_between.random_vs_predinit": 28.5,
}  # fmt: skip
SPECTRUM = {
    "predicted.published.low": 0.16, "predicted.published.high": 0.5, "predicted.published.high_minus_low": 0.34,
    "predicted.power.low": 0.1, "predicted.power.high": 0.6, "predicted.power.high_minus_low": 0.5,
    "floor.high": 0.03, "white_noise.published.high": 0.66, "white_noise.published.low": 0.02,
    "white_noise.power.high": 0.87, "white_noise.power.low": 0.02,
    "random.power.low": 0.8, "random.power.high": 0.1, "random.published.low": 0.2, "random.published.high": 0.51,
}  # fmt: skip
CORRECTION = {
    LOW["reference"]: 0.65, HIGH["reference"]: 0.04, LOW["truth"]: 0.4,
    "corrections.control_low.reference.improvement": -0.35,
    "corrections.high.truth.improvement": 0.02, "oracle.truth.improvement": 0.55,
    MARGIN["reference"]: 0.61, MARGIN["truth"]: 0.38, RANDOM: 1.0,
    "corrections.random_low.reference.improvement": 0.21,
    "corrections.random_high.reference.improvement": 0.33,
}  # fmt: skip
RATIOS = {
    "share.power.low": 0.45, "amplification.flat_ratio": 0.9, f"{REFERENCE}.ratio": 40.0, REFERENCE + TESTED: 1.0,
    "amplification.truth.ratio": 3.5, TRUTH + TESTED: 0.5, MIXTURE + TESTED: 2.0,
    "amplification.published_mixture.ratio": 45.0, "amplification.published_mixture.flat_ratio": 4.1,
}  # fmt: skip
PARTS = {
    c06.REST["reference"]: 0.4, c06.REST["truth"]: 0.31, c06.DC["reference"]: 0.05,
    c06.DC["truth"]: -0.02, c06.MARGIN["reference"]: 0.3, c06.MARGIN["truth"]: 0.35,
}  # fmt: skip
RESPONSE = {
    ENDS: 2.5, AROUND["oracle"]: 1.8, AROUND["prediction"]: 1.7, "lookup.ratio.per_bin": 1.6,
    "lookup.ratio.first_over_last": 1.9,
}  # fmt: skip
SIGHT = {
    c07.OURS: 1.16, c07.TRUTH: 1.23,
}  # fmt: skip
DIRECTIONS = {
    c08.OURS: 0.006, c08.JITTER: 0.1, c08.RANDOM: 0.008, c08.BANDS: 0.31, c08.LEADING: 62.0, "published.mean": 0.002,
    "audited.random.l1.mean": 0.00002, "leading.over_random": 65.0, "audited.residual.over_random": 7.3,
    "random_map.ratio": 3.0,
}  # fmt: skip
TEST_TIME = {
    **{f"{space}.best.lpips": 2 for space in ("planes", "tokens")},
    "planes.end.l1": -0.36, "planes.end.lpips": 0.02, "planes.after_best.lpips": 0.04,
    "planes.stopped.l1": -0.11, "planes.stopped.lpips": -0.02,
    "tokens.end.l1": -0.55, "tokens.end.lpips": 0.01, "tokens.after_best.lpips": 0.03,
    "tokens.stopped.l1": -0.22, "tokens.stopped.lpips": -0.03,
}  # fmt: skip
CASES = [
    ("C1", 0, BASINS | {MATTER: 0.9}),
    ("C1", 1, BASINS | {FEATURES: 0.9}),
    ("C1", 2, BASINS),
    ("C1", 3, BASINS | {BARRIER: 0.1}),
    ("C1", 4, BASINS | {"alike.gap": 5.0}),
    ("C2", 0, SPECTRUM | {"floor.high": 0.8}),
    ("C2", 1, SPECTRUM | {"predicted.power.high_minus_low": -0.5}),
    ("C2", 2, SPECTRUM),
    ("C2", 3, SPECTRUM | {"predicted.published.high": 0.7}),
    (
        "C2",
        4,
        SPECTRUM | {"predicted.power.high_minus_low": -0.5, "predicted.published.high_minus_low": -0.1},
    ),
    ("C3", 0, RESPONSE | {AROUND["oracle"]: 0.8}),
    ("C3", 1, RESPONSE | {AROUND["prediction"]: 0.8}),
    ("C3", 2, RESPONSE),
    ("C3", 3, RESPONSE | {ENDS: 1.2}),
    ("C3", 4, RESPONSE | {ENDS: 0.9, AROUND["oracle"]: 0.8}),
    ("C4", 0, CORRECTION | {MARGIN["truth"]: -0.1}),
    ("C4", 1, CORRECTION | {LOW["truth"]: -0.1}),
    ("C4", 2, CORRECTION | {RANDOM: -0.1}),
    ("C4", 3, CORRECTION),
    ("C4", 4, CORRECTION | {LOW["reference"]: 0.3}),
    ("C4", 5, CORRECTION | {MARGIN["reference"]: -0.1}),
    ("C5", 0, RATIOS | {REFERENCE + TESTED: -0.2}),
    ("C5", 1, RATIOS | {TRUTH + TESTED: -0.2}),
    ("C5", 2, RATIOS),
    ("C5", 3, RATIOS | {f"{REFERENCE}.ratio": 6.0}),
    ("C5", 4, RATIOS | {REFERENCE + TESTED: -0.2, MIXTURE + TESTED: -0.1}),
    ("C6", 0, PARTS | {c06.MARGIN["truth"]: -0.1}),
    ("C6", 1, PARTS | {c06.REST["truth"]: -0.1}),
    ("C6", 2, PARTS),
    ("C6", 3, PARTS | {c06.REST["reference"]: 0.9}),
    ("C6", 4, PARTS | {c06.MARGIN["reference"]: -0.1}),
    ("C7", 0, SIGHT | {c07.TRUTH: 2.5}),
    ("C7", 1, SIGHT),
    ("C7", 2, SIGHT | {c07.OURS: 0.9}),
    ("C7", 3, SIGHT | {c07.OURS: 2.5}),
    ("C8", 0, DIRECTIONS | {c08.JITTER: 0.99}),
    ("C8", 1, DIRECTIONS),
    ("C8", 2, DIRECTIONS | {c08.BANDS: 0.05}),
    ("C8", 3, DIRECTIONS | {c08.BANDS: 0.01, c08.LEADING: -1.0}),
    ("C8", 4, DIRECTIONS | {c08.BANDS: 0.01, c08.LEADING: -1.0, c08.OURS: 0.03}),
    ("C8", 5, DIRECTIONS | {c08.OURS: 0.3}),
    ("C9", 0, TEST_TIME | {"tokens.stopped.lpips": -0.2}),
    ("C9", 1, TEST_TIME),
    ("C9", 2, TEST_TIME | {"tokens.end.l1": -0.1}),
    ("C9", 3, TEST_TIME | {"tokens.end.lpips": -0.3}),
]

TRAINED = (
    "C10",
    "C11",
    "C12",
    "C13",
    "C14",
)  # whose cases are reached by made-up runs, in test_rules_finetuning


def _table(values: dict[str, float], objects: int = 4) -> pd.DataFrame:
    paths = {f"{space}.path.step": [0, 1, 2] for space in ("planes", "tokens")}  # of C9
    return pd.DataFrame([{"object": str(index), "seed": 0} | values | paths for index in range(objects)])


@pytest.mark.parametrize(("claim", "case", "values"), CASES)
def test_the_first_case_that_holds_decides(claim, case, values):
    table = _table(values)
    assert judge(RULES[claim], table).case is RULES[claim].cases[case]


def test_every_case_of_every_rule_is_reached():
    assert {(claim, case) for claim, case, _ in CASES} == {
        (name, index)
        for name, rule in RULES.items()
        for index in range(len(rule.cases))
        if name not in TRAINED
    }


@pytest.mark.parametrize("claim", list(RULES))
def test_the_landing_page_finds_a_verdict_for_any_profile(claim):
    for profile in ("smoke", "mini", "paper"):
        assert stored_verdict(claim, profile) in {case.verdict for case in RULES[claim].cases} | {
            "not measured yet",
            "not testable here",
        }


@pytest.mark.parametrize(
    ("value", "text"), [(-0.125, "−0.12"), (-0.001, "0.00"), (1.0, "1.00"), (None, "–"), (float("nan"), "–")]
)
def test_numbers_are_written_with_a_typographic_minus(value, text):
    assert prose.number(value) == text


def test_an_interval_is_written_only_where_it_is_known():
    assert prose.mean_and_interval(Interval(0.5, -0.1, 0.9, 5)) == "0.50 [−0.10, 0.90]"
    assert prose.mean_and_interval(Interval(0.5, float("nan"), float("nan"), 2)) == "0.50"
