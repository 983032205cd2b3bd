"""What each case of a rule amounts to, in plain words and in the order of its cases."""

from lrm_core.findings.registry import FINDINGS
from lrm_core.show.findings.finetuning import FINETUNING_MEANING
from lrm_core.show.findings.isotropy import ISOTROPY_MEANING

MEANING: dict[str, tuple[str, ...]] = {
    **{claim: tuple(case.meaning for case in of.rule.cases) for claim, of in FINDINGS.items()},
    "C1": (
        "So the distance between the two oracles is mostly one that no picture shows.",
        "So the two oracles are basins of their own: alike as pictures, far apart as numbers, and worse in between.",
        "So the two oracles are alike as pictures and apart as numbers, but it is not shown that they are as far "
        "apart as published, or not that a ridge lies between them, which the rule asks for besides.",
        "So at least one half of the claim, alike as pictures or far apart as numbers, does not hold here.",
    ),
    "C3": (
        "So low frequencies come first only by the published definition: counted per bin, and to noise that the "
        "renderer can see, high ones come first around at least one of the two triplanes.",
        "So decoder and renderer together are a low-pass around both triplanes, and by the published definition by "
        "about the published factor.",
        "So decoder and renderer together are a low-pass around both triplanes, but by the published definition it "
        "is not shown that the factor is the published one.",
        "So the records do not show that low frequencies answer more than high ones around both triplanes.",
    ),
    "C6": (
        "So the rest of the low band dominates the channel means in renders of the oracle only: the truth does not "
        "bear the claim out.",
        "So it is not a shift of the channels: the rest of the low band dominates, by about the published amounts.",
        "So it is not a shift of the channels: the rest of the low band dominates, but it is not shown that both "
        "amounts are the published ones.",
        "So the records do not show that the rest of the low band helps, and more than twice as much as the channel "
        "means.",
    ),
    "C8": ISOTROPY_MEANING,
    **FINETUNING_MEANING,
}
