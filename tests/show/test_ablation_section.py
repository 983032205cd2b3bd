"""The section on what was tried before the long run, with a table and without one."""

import json

import nbformat
import pandas as pd
import pytest

from lrm_core.fit.ablation import TABLE, VARIANTS, _outcome, get_variant
from lrm_core.fit.pretrain_config import get_preset
from lrm_core.paths import repository_root
from lrm_core.show.elements import prose
from lrm_core.show.model import ablation
from lrm_core.show.model.ablation import BASE, COLUMNS, read_ablation

MEASURED = {  # seconds an object, PSNR in novel views
    BASE: (0.5, 16.0),
    "width 128": (0.3, 15.5),
    "width 256": (0.9, 16.4),
    "learning rates doubled": (0.51, 16.2),
    "1024 rays": (0.8, 15.9),
    "float32": (1.0, 16.05),
}


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Puts a table of such measurements where the chapter looks for it; gives its path."""
    monkeypatch.setattr(ablation, "data_dir", lambda: tmp_path)

    def write(measured: dict):
        rows = [
            (name, 1_000_000 + place, 1600, 1600 * seconds, 20.0 + place, psnr)
            for place, (name, (seconds, psnr)) in enumerate(measured.items())
        ]
        path = tmp_path / "mini" / TABLE
        path.parent.mkdir()
        pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(path, index=False)
        return path

    return write


@pytest.fixture
def shown(monkeypatch) -> list:
    """What the section displays, in order."""
    seen = []
    for name in ("show_text", "show_table", "show_figure"):
        monkeypatch.setattr(ablation, name, lambda content, *_: seen.append(content))
    return seen


def _run_cell() -> None:
    """The chapter's own cell of the section."""
    notebook = nbformat.read(repository_root() / "notebooks/00_model.ipynb", as_version=4)
    (cell,) = (cell for cell in notebook.cells if cell.id == "tried-code")
    exec(cell.source, {"ablation": ablation})


def test_before_the_run_the_section_is_one_sentence_that_says_how(tmp_path, monkeypatch, shown):
    monkeypatch.setattr(ablation, "data_dir", lambda: tmp_path)
    _run_cell()
    assert shown == [ablation.MISSING]
    assert "`lrm ablate`" in ablation.MISSING


def test_after_the_run_the_section_has_words_figure_and_table(write, shown):
    write(MEASURED)
    _run_cell()
    intent, figure, table, outcome, frozen = shown
    assert intent.startswith("5 variants")
    assert "1,600 objects" in intent
    assert len(prose.figure_data(figure)) == len(table) == len(MEASURED)
    assert "float32" in outcome
    assert "EfficientNet-Lite0" in frozen


def test_every_variant_of_the_command_can_be_shown(write):
    table = read_ablation(write({name: (0.5 + 0.01 * place, 16.0) for place, name in enumerate(VARIANTS)}))
    assert len(prose.figure_data(ablation.ablation_figure(table))) == len(VARIANTS)


def test_differences_are_those_to_the_recipe_as_trained(write):
    table = read_ablation(write(MEASURED)).set_index("variant")
    for name, (seconds, psnr) in MEASURED.items():
        assert table.loc[name, "gain"] == pytest.approx(psnr - 16.0)
        assert table.loc[name, "slower"] == pytest.approx(seconds / 0.5 - 1)


def test_winners_per_step_and_per_second_are_told_apart(write):
    step, second, dearer, front, exact = ablation.outcome_sentences(read_ablation(write(MEASURED))).split(
        ". "
    )
    assert "width 256 (+0.40 dB), learning rates doubled (+0.20 dB), float32 (+0.05 dB) did better" in step
    assert second.endswith("holds for learning rates doubled (+0.20 dB)")
    assert dearer == ("Better but slower: width 256 (+0.40 dB, +80% time), float32 (+0.05 dB, +100% time)")
    for name in ("width 128", BASE, "learning rates doubled", "width 256"):
        assert name in front
    assert "1024 rays" not in front
    assert (
        exact == "With float32 in place of bf16 novel views changed by +0.05 dB, at 2.00 times the seconds."
    )


@pytest.mark.parametrize(("seconds", "said"), [(0.3, True), (0.49, False)])
def test_where_float32_is_faster_it_is_said_to_be_the_processor(write, seconds, said):
    text = ablation.outcome_sentences(read_ablation(write(MEASURED | {"float32": (seconds, 16.05)})))
    assert ("bf16 takes time instead of saving it" in text) == said


def test_a_frozen_encoder_is_held_against_the_recipe_as_trained(write, tmp_path):
    figures = {"objects": 1600.0, "seconds": 1200.0, "source_psnr": 20.0, "novel_psnr": 16.3}
    (tmp_path / "frozen.json").write_text(json.dumps({"figures": figures}))
    text = ablation.frozen_sentence(read_ablation(write(MEASURED)), tmp_path / "frozen.json")
    assert "1,600 objects bring novel views to 16.30 dB (+0.30 dB against as trained, +50% time)" in text


def test_without_a_winner_and_without_float32_nothing_is_claimed(write):
    text = ablation.outcome_sentences(read_ablation(write({BASE: (0.5, 16.0), "width 128": (0.3, 15.5)})))
    assert f"Per step, none did better than {BASE}" in text
    assert "holds for none" in text
    assert "float32" not in text


def test_the_figure_marks_the_recipe_as_trained(write):
    figure = ablation.ablation_figure(read_ablation(write(MEASURED)))
    changed, base = figure.data
    assert (base.name, list(base.text), list(base.y)) == (BASE, [BASE], [16.0])
    assert base.marker.symbol != changed.marker.symbol
    assert BASE not in changed.text
    assert "width 256 16.40 dB at 0.90 s" in figure.layout.meta["alt"]


def test_the_table_is_sorted_by_novel_views(write):
    table = ablation.ablation_table(read_ablation(write(MEASURED)))
    assert table["variant"].iloc[0] == "width 256"
    row = table.set_index("variant").loc["width 128"]
    assert row[f"novel against {BASE} (dB)"] == "−0.50"
    assert row[f"time against {BASE}"] == "−40%"
    assert row["parameters"] == "1,000,001"


def test_the_columns_are_those_that_the_command_writes(tmp_path):
    (tmp_path / "curve.csv").write_text("step,objects,seconds,loss,source_psnr,novel_psnr\n1,8,2,0.1,20,16\n")
    architecture, recipe = get_variant(BASE).of(*get_preset(ablation.PRESET))
    written = _outcome(tmp_path, architecture, recipe)
    assert ("variant", *written) == COLUMNS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n1,2\n", "expected the columns variant, parameters"),
        (",".join(COLUMNS) + "\nwidth 128,1,1600,3,20,16\n", 'no row "as trained" to compare with'),
        (",".join(COLUMNS) + "\nwidth 7,1,1600,3,20,16\n", "unknown variant 'width 7'"),
    ],
)
def test_another_table_is_refused(tmp_path, content, message):
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(ValueError, match=message):
        read_ablation(tmp_path / "table.csv")


def test_names_of_points_above_each_other_face_away(write):
    measured = {
        BASE: (0.5, 16.0),
        "width 128": (0.5, 15.9),
        "width 256": (5.0, 16.4),
        "1024 rays": (0.05, 16.1),
    }
    figure = ablation.ablation_figure(read_ablation(write(measured)))
    sides = {
        name: side for part in figure.data for name, side in zip(part.text, part.textposition, strict=True)
    }
    assert sides == dict.fromkeys(measured, "top center") | {"width 128": "bottom center"}
