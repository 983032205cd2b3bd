"""What fine-tuning in the published condition learned, as a table and in sentences."""

from collections.abc import Sequence

import pandas as pd

from lrm_core.findings.arm_labels import label
from lrm_core.findings.prose import mean_and_interval, number, percent_interval
from lrm_core.findings.sentences import say
from lrm_core.profiles import PROFILES, PUBLISHED
from lrm_core.records.learned import Learned, learned
from lrm_core.records.statistics import FEWEST_OBJECTS, Interval

PUBLISHED_ARM = "lora_freq"
COLUMNS = (
    "trained with",
    "trained, told wrong",
    "untrained, told the truth",
    "trained, told the truth",
    "drawn larger",
    "one factor",
)

OBJECT = {
    "learned the objects": "it is better than before",
    "harms": "it is worse than before",
    "learned nothing of the objects": "it is as good as before",
}


def arms(profile: str) -> list[Learned]:
    """Arms in the published condition that have records of enough objects for an interval."""
    if profile + PUBLISHED not in PROFILES:
        return []
    return [arm for arm in learned(profile + PUBLISHED) if arm.gain.n >= FEWEST_OBJECTS]


def learned_table(found: Sequence[Learned]) -> pd.DataFrame:
    """What each arm changes the held-out L1 by in the published condition, and what it learned, as text."""
    rows = [
        (
            label(arm.arm),
            _signed(arm.gain),
            _signed(arm.only_told),
            _signed(arm.gain_truth),
            mean_and_interval(arm.grown),
            number(arm.factor),
        )
        for arm in found
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def outcomes(found: Sequence[Learned]) -> str:
    """What the rule says of each arm, arms of the same outcome together."""
    by: dict[str, list[str]] = {}
    for arm in found:
        by.setdefault(f"{arm.scale}; told the truth, {OBJECT[arm.object]}", []).append(label(arm.arm))
    return "\n".join(f"- {'; '.join(names)}: {words}." for words, names in by.items())


def _signed(mean: Interval) -> str:
    return ("+" if mean.estimate > 0 else "") + percent_interval(mean)


def answer(profile: str) -> str:
    """What the published repair came to on our model, in a sentence; empty where it was not trained."""
    found = next((arm for arm in arms(profile) if arm.arm == PUBLISHED_ARM), None)
    if found is None:
        return ""
    return say("one_wrong_number", "repaired", **_shares(found))


def _shares(arm: Learned) -> dict[str, str]:
    return {name: _signed(getattr(arm, name)) for name in ("gain", "only_told", "gain_truth")}
