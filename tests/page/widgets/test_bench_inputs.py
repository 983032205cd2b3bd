"""Fields of a bench: folders and models of one's own, what is wrong with them, and oracles that are missing."""

import pytest
from tiny_folder import save_square, save_tiny
from tiny_functions import RANGES, by_power

from lrm_core import load_model
from lrm_core.page.widgets import subject as subject_module
from lrm_core.page.widgets.bench import Bench
from lrm_core.page.widgets.subject import subject_of


def residual_spectrum_bench(setting):
    return Bench(setting, (by_power,), {"cutoff": RANGES["cutoff"]})


def _shown(widget) -> bool:
    return widget.layout.display != "none"


def test_a_bench_computes_nothing_until_it_is_asked(setting, monkeypatch):
    for name in ("load_item", "load_model", "oracles"):
        monkeypatch.setattr(subject_module, name, None)
    bench = residual_spectrum_bench(setting)
    assert bench.object_picker.value == "bowl"
    assert bench.object_picker.options == ("bowl", "cup"), "every object of the profile, not the few it measures"
    assert (bench.result.value, bench.message.value) == ("", "")
    assert not _shown(bench.fit_button)


def test_without_an_oracle_it_asks_and_the_button_fits_one(setting, own_cache):
    bench, steps = residual_spectrum_bench(setting), []
    bench.refresh()
    assert bench.result.value == ""
    assert "bowl has no oracle for this model yet. One must be fitted first, in 3 steps" in bench.message.value
    assert _shown(bench.fit_button)
    assert not own_cache.exists()
    bench.progress.observe(lambda change: steps.append((change["new"], _shown(bench.progress))), "value")
    bench.fit_button.click()
    assert steps == [(1, True), (2, True), (3, True)]
    assert bench.progress.max == 3
    assert len(list(own_cache.iterdir())) == 1
    assert bench.result.value
    assert bench.message.value == ""
    assert not _shown(bench.fit_button)
    assert not _shown(bench.progress)


def test_an_interrupted_fit_leaves_nothing_and_asks_once_more(setting, own_cache):
    bench = residual_spectrum_bench(setting)
    bench.refresh()

    def interrupt(change) -> None:
        if change["new"] == 2:
            raise KeyboardInterrupt

    bench.progress.observe(interrupt, "value")
    with pytest.raises(KeyboardInterrupt):
        bench.fit()
    assert "bowl has no oracle" in bench.message.value
    assert _shown(bench.fit_button)
    assert not _shown(bench.progress)
    assert not list(own_cache.glob("*.safetensors"))


def test_a_wrong_folder_is_named_and_a_right_one_mends_it(fitted, disk):
    bench = residual_spectrum_bench(fitted)
    bench.refresh()
    before = bench.result.value
    bench.folder_field.value = str(disk / "nowhere")
    assert f"{disk / 'nowhere'}: expected a rendered object" in bench.message.value
    assert 'role="alert"' in bench.message.value
    assert bench.result.value == ""
    bench.folder_field.value = ""
    assert bench.message.value == ""
    assert bench.result.value == before


def test_a_wrong_model_is_named_and_a_right_one_mends_it(fitted):
    bench = residual_spectrum_bench(fitted)
    bench.refresh()
    before = bench.result.value
    bench.model_field.value = "runs/missing.safetensors"
    assert "runs/missing.safetensors: no such checkpoint; expected a safetensors file" in bench.message.value
    assert bench.result.value == ""
    assert not _shown(bench.fit_button)
    bench.model_field.value = "tiny"
    assert bench.result.value == before


def test_a_model_of_ones_own_is_read_once_and_has_oracles_of_its_own(setting, disk, tmp_path, monkeypatch):
    other = load_model(disk / "tiny.safetensors")
    other.upsampler.weight.data.mul_(2)
    monkeypatch.setattr(subject_module, "repository_root", lambda: tmp_path)
    calls: list[tuple] = []
    monkeypatch.setattr(subject_module, "load_model", lambda *given, **named: calls.append(given) or other)
    save_tiny(tmp_path / "mine.safetensors")
    subject_of(setting, "", "", "bowl").fit(lambda steps: None)
    bench = residual_spectrum_bench(setting)
    bench.refresh()
    bench.model_field.value = " mine.safetensors "
    assert _shown(bench.fit_button), "the oracle of one model is none of another"
    bench.fit_button.click()
    bench.controls["cutoff"].value = 0.5
    assert calls == [(tmp_path / "mine.safetensors",)], "relative to the repository"
    assert bench.result.value


def test_objects_that_no_oracle_can_be_fitted_to_are_refused_before_the_fit(setting, disk, tmp_path, monkeypatch):
    bench = residual_spectrum_bench(setting)
    bench.folder_field.value = str(disk / "short")
    assert "stub: expected at least one held-out view" in bench.message.value
    assert not _shown(bench.fit_button)
    monkeypatch.setattr("tiny_folder.SIZE", 48)
    save_square(tmp_path / "large", 0, views=8)
    bench.folder_field.value = str(tmp_path / "large")
    assert "large: expected images of 32x32 pixels for this model, found 48x48" in bench.message.value
    assert not _shown(bench.fit_button)
