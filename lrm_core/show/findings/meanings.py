"""What each case of a rule amounts to, in plain words and in the order of its cases."""

from lrm_core.findings.registry import FINDINGS
from lrm_core.show.findings.finetuning import FINETUNING_MEANING
from lrm_core.show.findings.isotropy import ISOTROPY_MEANING
from lrm_core.show.findings.test_time import TEST_TIME_MEANING

MEANING: dict[str, tuple[str, ...]] = {
    **{claim: tuple(case.meaning for case in of.rule.cases) for claim, of in FINDINGS.items()},
    "C6": (
        "So the rest of the low band dominates the channel means in renders of the oracle only: the truth does not "
        "bear the claim out.",
        "So it is not a shift of the channels: the rest of the low band dominates, by about the published amounts.",
        "So it is not a shift of the channels: the rest of the low band dominates, but it is not shown that both "
        "amounts are the published ones.",
        "So the records do not show that the rest of the low band helps, and more than twice as much as the channel "
        "means.",
    ),
    "C7": (
        "So occlusion hardly matters to the colours inside of the oracle's matter, but much to the surface that one "
        "sees: by the published definition the question was put to points that no image shows.",
        "So it is not occlusion: what the source does not see is little worse, by about the published ratio.",
        "So it is not occlusion: what the source does not see is little worse or no worse, by a ratio that is not "
        "shown to be the published one.",
        "So the records do not show that what the source does not see is little worse than what it sees.",
    ),
    "C8": ISOTROPY_MEANING,
    **FINETUNING_MEANING,
    "C9": TEST_TIME_MEANING,
}
