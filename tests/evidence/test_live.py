"""A record recomputed live, beside the stored one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lrm_core import LRM
from lrm_core.evidence import ResultStore, live, runner
from lrm_core.evidence.experiments import Experiment
from lrm_core.evidence.experiments.e01_oracle import OracleQuality
from lrm_core.profiles import Profile

PROFILE = Profile("tiny", "tiny", ("group",), 3, iterations=1, rays_per_step=8, seeds=(0,))


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch, model: LRM, make_object: Callable) -> dict[str, Any]:
    """What the experiment finds; tests change it between recording and recomputing."""
    found: dict[str, Any] = {"gain": 2.0, "path": {"psnr": [20.0, 21.0]}, "name": "x", "none": None}
    experiment = Experiment("probe", lambda *arguments: found, OracleQuality, every_seed=False)
    for module in (live, runner):
        monkeypatch.setattr(module, "get_profile", lambda name: PROFILE)
        monkeypatch.setattr(module, "get_experiment", lambda name: experiment)
        monkeypatch.setattr(module, "load_model", lambda name, device: model)
        monkeypatch.setattr(module, "load_item", lambda plan, folder: make_object(0))
    monkeypatch.setattr(Profile, "object_folders", lambda self, every=False: [Path("disc0")])
    return found


def test_comparison_lists_every_number(answer: dict[str, Any], tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    runner.record_all("tiny", ["probe"], store=store)
    answer["path"] = {"psnr": [20.5, 21.0]}
    found = live.recompute("tiny", "probe", "disc0", store=store)
    compared = found.comparison().set_index("entry")["difference"].to_dict()
    assert compared == {"gain": 0.0, "path.psnr[0]": 0.5, "path.psnr[1]": 0.0}
    assert store.table("probe")["path.psnr"].tolist() == [[20.0, 21.0]]


def test_without_a_record_there_is_nothing_to_compare(answer: dict[str, Any], tmp_path: Path) -> None:
    found = live.recompute("tiny", "probe", "disc0", store=ResultStore(tmp_path))
    assert found.stored is None
    assert found.result["gain"] == 2.0
    assert found.comparison().empty
