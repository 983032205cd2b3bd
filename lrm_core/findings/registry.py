"""All findings that are told from declarations, by the id of their claim."""

from lrm_core.findings import c01, c02, c03, c04, c05
from lrm_core.findings.finding import Finding

FINDINGS: dict[str, Finding] = {
    module.FINDING.rule.claim: module.FINDING for module in (c01, c02, c03, c04, c05)
}
