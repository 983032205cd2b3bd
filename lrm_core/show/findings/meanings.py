"""What each case of a rule amounts to, in plain words and in the order of its cases."""

from lrm_core.findings.registry import FINDINGS
from lrm_core.show.findings.test_time import TEST_TIME_MEANING

MEANING: dict[str, tuple[str, ...]] = {
    **{claim: tuple(case.meaning for case in of.rule.cases) for claim, of in FINDINGS.items()},
    "C9": TEST_TIME_MEANING,
}
