"""All findings that are told from declarations, by the id of their claim."""

from lrm_core.findings import c02, c04, c05, c07, c09
from lrm_core.findings.finding import Finding

FINDINGS: dict[str, Finding] = {
    finding.rule.claim: finding
    for finding in (c02.FINDING, c04.FINDING, c05.FINDING, c07.FINDING, c09.FINDING)
}
