"""The chapter on test-time optimisation: its figures, tables and pictures hold the numbers of the records."""

import re
from dataclasses import replace

import pytest

from lrm_core.evidence import ResultStore
from lrm_core.evidence.experiments import e12_test_time as e12
from lrm_core.evidence.experiments import get_experiment
from lrm_core.evidence.experiments.e12_test_time import VARIANTS
from lrm_core.evidence.oracles import OracleCache
from lrm_core.evidence.runner import Recorder
from lrm_core.profiles import Profile
from lrm_core.show.elements import prose
from lrm_core.show.repair import test_time

PLAN = Profile("tiny", "tiny", ("group",), 4, iterations=2, rays_per_step=32, seeds=(0,))


@pytest.fixture(scope="module")
def records(tiny_model, tiny_item, tmp_path_factory, small_lpips):
    """Of three objects: a disc, and the same in other colours."""
    folder = tmp_path_factory.mktemp("test_time")
    store = ResultStore(folder)
    recorder = Recorder(PLAN, tiny_model, store, OracleCache(folder, folder))
    for number in range(3):
        item = replace(tiny_item, name=f"disc{number}", images=tiny_item.images ** (1 + number))
        recorder.make(item, get_experiment("e12_test_time"), 0)
    return store.table("e12_test_time")


@pytest.fixture
def page(make_chapter, records):
    return make_chapter("C9", records)


@pytest.fixture
def ways(page):
    return test_time.optimise_again(page)


def _series(figure, name: str) -> list[dict[float, float]]:
    """The lines of that name, in the order in which they are drawn."""
    lines = [trace for trace in figure.data if trace.name == name]
    return [dict(zip(line.x, line.y, strict=True)) for line in lines]


@pytest.mark.parametrize("metric", ["l1", "lpips"])
def test_paths_are_changes_since_the_start_and_their_mean(page, metric):
    figure = test_time.path_figure(page, metric)
    for name, (label, *_) in test_time.LABELS.items():
        *objects, mean = _series(figure, label)
        rows = page.table.set_index("object")
        expected = [
            {step: value / values[0] - 1 for step, value in zip(steps, values, strict=True)}
            for steps, values in zip(rows[f"{name}.path.step"], rows[f"{name}.path.{metric}"], strict=True)
        ]
        for found, wanted in zip(objects, expected, strict=True):
            assert found == pytest.approx(wanted)
        last = max(mean)
        assert mean[last] == pytest.approx(sum(line[last] for line in expected) / len(expected))
        assert mean[0] == 0
    assert len(figure.layout.meta["alt"]) > 100
    assert len(prose.figure_data(figure)) >= 5 * 4 * 2


def test_training_and_held_out_views_stand_side_by_side(page):
    figure = test_time.overfitting_figure(page)
    mean = page.table["planes.end.train_l1"].mean()
    ((*_, last),) = [list(line.values()) for line in _series(figure, "planes, training views")]
    assert last == pytest.approx(mean, abs=1e-5)
    ((*_, last),) = [list(line.values()) for line in _series(figure, "tokens, held-out views")]
    assert last == pytest.approx(page.table["tokens.end.l1"].mean(), abs=1e-5)


def test_published_numbers_stand_beside_ours_and_are_said_to_be_published(page):
    table = test_time.compared_table(page).set_index("optimised")
    assert len(table) == len(VARIANTS)
    assert table.loc["planes", "L1, published"] == "−36.4%"
    assert table.loc["tokens", "L1, published"] == "−49.0% to −64.0%"
    assert table.loc["planes, held near the prediction", "L1, published"] == "−5.3% to −7.3%"
    mean = prose.percent(page.table["tokens.end.l1"].mean())
    assert table.loc["tokens", "L1, ours"].startswith(f"{mean} [")
    alone = test_time.published_table(page.claim.published)
    assert alone["change of L1, published"].tolist() == table["L1, published"].tolist()


def test_tables_are_text_without_gaps(page):
    for table in (
        test_time.compared_table(page),
        test_time.stopped_table(page),
        test_time.overfitting_table(page),
    ):
        assert table.map(lambda cell: isinstance(cell, str) and "nan" not in cell).all(axis=None)


def test_the_settings_are_those_of_the_profile(page):
    text = test_time.settings_sentence(page)
    assert "on 4 views" in text
    assert "for 2 steps of Adam with the constant rate 0.005; 2 held-out views are scored and 2 more" in text
    assert "sees 512 random rays" in text
    assert "8 times as many rays, and the number of steps is 1" in text


def test_pictures_show_start_best_last_and_truth(page, ways):
    captions = re.findall(r"<figcaption[^>]*>([^<]+)<", test_time.pictures(page, ways))
    assert captions[0] == "prediction"
    assert captions[-1] == "the truth"
    assert [re.sub(r"\d+", "N", caption) for caption in captions[1:-1]] == [
        f"{space}, {words} step (N)" for space in ("planes", "tokens") for words in ("best", "last")
    ]
    assert captions[2] == "planes, last step (2)"


def test_what_is_computed_live_is_what_is_stored(page, ways):
    live = test_time.live(page, ways)
    compared = live.comparison().set_index("entry")
    assert set(test_time.LIVE_ENTRIES) <= set(compared.index)
    assert compared["difference"].abs().max() < 1e-6
    assert "digit for digit" in prose.agreement(live) or "agrees with" in prose.agreement(live)


def test_only_what_the_rule_reads_is_computed_again(page, monkeypatch):
    asked = []
    monkeypatch.setattr(test_time, "way", lambda *arguments: asked.append(arguments) or [])
    assert list(test_time.optimise_again(page)) == ["planes", "tokens"]
    assert [arguments[-1] for arguments in asked] == ["planes", "tokens"]
    assert all(arguments[2] == e12.LatentOptimisation(at_most=2) for arguments in asked)
