"""What the last repetition of the records came to, in words."""

import pandas as pd

from lrm_core.evidence.repetition import CLAIMS, EXPERIMENTS_TABLE, SHARE, TOLERANCE, tables_folder
from lrm_core.show.elements.prose import number, percent


def repetition_sentence(profile: str) -> str:
    """How many records were made again, and how far their numbers and verdicts were from the stored ones."""
    folder = tables_folder(profile)
    if not (folder / EXPERIMENTS_TABLE).exists():
        return f"No record of the profile {profile} has been repeated yet."
    experiments, claims = (pd.read_csv(folder / name) for name in (EXPERIMENTS_TABLE, CLAIMS))
    stayed = claims["verdict"] == claims["verdict_again"]
    return (
        f"{experiments['records'].sum()} records of {experiments['objects'].max()} objects were made again: "
        f"{_agreement(experiments, claims)}, and {stayed.sum()} of {len(claims)} verdicts on these objects stayed "
        "what they were."
    )


def _agreement(experiments: pd.DataFrame, claims: pd.DataFrame) -> str:
    numbers = experiments["numbers"]
    equal, within = ((experiments[name] * numbers).sum() / numbers.sum() for name in ("equal", "within"))
    if equal == 1:
        return f"all {numbers.sum():,} numbers came out with the same digits"
    return (
        f"of {numbers.sum():,} numbers {percent(equal)} came out with the same digits and {percent(within)} within "
        f"{TOLERANCE:g} standard deviations (in the experiment that was worst "
        f"{percent(experiments['within'].min())}, where {percent(SHARE)} were asked); those of the claims came "
        f"within {number(claims['largest'].max(), 3)}"
    )
