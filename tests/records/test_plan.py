"""The plan of a profile: it follows what things cost, and refuses what cannot fit."""

from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from lrm_core.cli import main
from lrm_core.profiles import REHEARSAL, get_profile
from lrm_core.records import plan
from lrm_core.records.plan import GIB, LIBRARIES, Costs, check_memory, needed_memory, plan_costs

COSTS = Costs(look=1.0, ray=1e-4, side=128, oracle=10**6)


def _hours(profile: str, costs: Costs = COSTS, devices: int = 1) -> dict[str, float]:
    return plan_costs(get_profile(profile), costs, devices).set_index("stage")["hours"].to_dict()


def test_devices_share_the_hours_of_as_many_records_as_the_profile_makes():
    alone, shared = _hours("paper"), _hours("paper", devices=4)
    assert shared["all"] == pytest.approx(alone["all"] / 4)
    assert alone["all"] == pytest.approx(sum(alone.values()) - alone["all"])
    assert _hours("smoke")["all"] < _hours("paper-cpu")["all"] < _hours("mini")["all"]
    records = plan_costs(get_profile("mini"), COSTS, 1).set_index("stage")["records"]
    expected = {"e01_oracle": 24, "e02_basins": 36, "e18_oracle_length": 6, "longer_fits": 3}
    assert records[list(expected)].to_dict() == expected


def test_oracles_go_with_their_rays_and_all_else_with_a_look():
    before = _hours("mini")
    rays, looks = (_hours("mini", Costs(*pair, 128, 10**6)) for pair in ((1.0, 2e-4), (2.0, 1e-4)))
    more = 24 * 3 * 2000 * 2048 * 1e-4 / 3600
    assert rays["e01_oracle"] - before["e01_oracle"] == pytest.approx(more)
    assert rays["e08_band_correction"] == before["e08_band_correction"]
    assert looks["e08_band_correction"] == pytest.approx(2 * before["e08_band_correction"])


def test_what_cannot_fit_is_refused_with_the_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(plan.psutil, "virtual_memory", lambda: SimpleNamespace(available=2 * GIB))
    check_memory(get_profile("mini"), "cpu")
    said = r"profile paper: a process needs up to \d\.\d GiB of memory, this machine has free 2\.0 GiB"
    with pytest.raises(ValueError, match=said):
        check_memory(get_profile("paper"), "cpu")
    monkeypatch.setattr(plan, "Path", lambda name: tmp_path / "none")  # of a model that is not there yet
    assert needed_memory(REHEARSAL) == LIBRARIES
    result = CliRunner().invoke(main, ["reproduce", "--profile", "paper", "--device", "cpu"])
    assert result.exit_code == 2
    assert "profile paper: a process needs" in result.stderr


def test_the_command_measures_and_prints_every_stage():
    result = CliRunner().invoke(main, ["plan", "--profile", "smoke", "--gpus", "8"])
    assert result.exit_code == 0, result.output
    assert "Measured with the weights of mini" in result.stdout
    assert "On 8 such cores:" in result.stdout
    assert "e14_finetuning" in result.stdout
