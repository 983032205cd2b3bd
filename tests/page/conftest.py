"""Chapters on a tiny random model and synthetic objects."""

from pathlib import Path

import pandas as pd
import pytest
from tiny_measure import item, model, synthetic_object

from lrm_core.findings.verdicts import FINDINGS
from lrm_core.measure.oracles import OracleCache
from lrm_core.page import finding_page
from lrm_core.page.finding_page import Chapter
from lrm_core.page.viewer import widget
from lrm_core.profiles import Profile

__all__ = ["item", "model"]
PLAN = Profile("tiny", "tiny", ("group",), 4, iterations=2, rays_per_step=32, seeds=(0,))
GROUPS = {"disc0": "real", "disc1": "real", "disc2": "procedural", "disc3": "procedural"}


@pytest.fixture(scope="session", autouse=True)
def small_posters():
    """Still pictures of viewers that take no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(widget, "POSTER_SIDE", 16)
        yield


@pytest.fixture
def make_chapter(model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A chapter on a claim by its id and its records; its oracles go to a temporary folder."""
    cache = OracleCache(tmp_path / "oracles", tmp_path / "shipped")
    fit = finding_page.oracle
    monkeypatch.setattr(finding_page, "oracle", lambda *arguments: fit(*arguments, cache))

    def make(claim_id: str, table: pd.DataFrame | None = None) -> Chapter:
        return Chapter(FINDINGS[claim_id], PLAN, 0, model, table, GROUPS, synthetic_object(0))

    return make
