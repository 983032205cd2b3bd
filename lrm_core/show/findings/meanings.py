"""What each case of a rule amounts to, in plain words and in the order of its cases."""

from lrm_core.findings.registry import FINDINGS
from lrm_core.show.findings.finetuning import FINETUNING_MEANING
from lrm_core.show.findings.isotropy import ISOTROPY_MEANING

MEANING: dict[str, tuple[str, ...]] = {
    **{claim: tuple(case.meaning for case in of.rule.cases) for claim, of in FINDINGS.items()},
    "C3": (
        "So low frequencies come first only by the published definition: counted per bin, and to noise that the "
        "renderer can see, high ones come first around at least one of the two triplanes.",
        "So decoder and renderer together are a low-pass around both triplanes, and by the published definition by "
        "about the published factor.",
        "So decoder and renderer together are a low-pass around both triplanes, but by the published definition it "
        "is not shown that the factor is the published one.",
        "So the records do not show that low frequencies answer more than high ones around both triplanes.",
    ),
    "C8": ISOTROPY_MEANING,
    **FINETUNING_MEANING,
}
