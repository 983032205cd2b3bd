"""All findings that are told from declarations, by the id of their claim."""

from lrm_core.findings import c02, c04, c05, c10, c11, c12, c13, c14
from lrm_core.findings.finding import Finding

FINDINGS: dict[str, Finding] = {
    module.FINDING.rule.claim: module.FINDING for module in (c02, c04, c05, c10, c11, c12, c13, c14)
}
