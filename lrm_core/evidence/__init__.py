"""Experiments and what follows from them: records, statistics, verdicts."""

from lrm_core.evidence.claims import claims, published
from lrm_core.evidence.runner import record_all
from lrm_core.evidence.store import RecordKey, ResultStore
from lrm_core.evidence.verdicts import verdicts

__all__ = ["RecordKey", "ResultStore", "claims", "published", "record_all", "verdicts"]
