"""`lrm tto`, `oracle`, `spectrum` and `response` on rendered objects of one's own: both spellings, files, errors."""

import json
import math
from pathlib import Path

import pandas as pd
import pytest
import torch
from click.testing import CliRunner, Result
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_folder import save_square, save_tiny

from lrm_core.cli import main
from lrm_core.measure import oracles
from lrm_core.measure.oracles import predicted_planes
from lrm_core.model.checkpoints import load_model
from lrm_core.objects import load_object
from lrm_core.page.own_data.study import read_planes
from lrm_core.spectral.bands import pooled_shares


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """A tiny model, and two objects of eight views."""
    folder = tmp_path_factory.mktemp("study")
    save_tiny(folder / "tiny.safetensors")
    for seed, name in enumerate(("bowl", "cup")):
        save_square(folder / "objects" / name, seed, views=8)
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Oracles stay in the folder of the test."""
    monkeypatch.setattr(oracles, "repository_root", lambda: tmp_path)


def _lrm(place: Path, command: str, *arguments: object, data: str = "objects") -> Result:
    given = ["--model-name", place / "tiny.safetensors", "--data-dir", place / data]
    return CliRunner().invoke(main, [command, *map(str, (*given, *arguments))])


def _planes(path: Path) -> tuple[torch.Tensor, dict[str, str]]:
    with safe_open(path, framework="pt") as file:
        return file.get_tensor("planes"), file.metadata()


def test_tto_writes_planes_and_the_way_of_every_variant(place, tmp_path):
    result = _lrm(place, "tto", "--num_iters", 2, "--lr", 0.1, "--output_dir", tmp_path / "out")
    assert result.exit_code == 0, result.output
    bowl, cup = result.stdout.splitlines()
    assert bowl.startswith("bowl: planes L1 ")
    assert cup.startswith("cup: planes L1 ")
    path = pd.read_csv(tmp_path / "out/bowl/path.csv")
    assert set(path["variant"]) == {"planes", "proximity", "low_band", "tokens", "tokens_lpips"}
    assert set(path["step"]) == {0, 2}
    planes, texts = _planes(tmp_path / "out/bowl/tokens.safetensors")
    assert planes.shape == (3, 4, 16, 16)
    assert [row["step"] for row in json.loads(texts["history"])] == [0, 2]
    start, _ = _planes(tmp_path / "out/bowl/predicted.safetensors")
    assert not torch.equal(planes, start)
    assert "plotly.min.js" in (tmp_path / "out/bowl/path.html").read_text()
    assert (tmp_path / "out/bowl/plotly.min.js").is_file()


def test_oracle_takes_the_published_spelling_and_keeps_what_is_finished(place, tmp_path):
    given = ("--num_iters", 2, "--lr", 0.01, "--init_from_pred", "--output_dir", tmp_path / "out")
    result = _lrm(place, "oracle", *given)
    assert result.exit_code == 0, result.output
    assert [line.split(" held")[0] for line in result.stdout.splitlines()] == ["bowl:", "cup:"]
    planes, texts = _planes(tmp_path / "out/cup/planes.safetensors")
    assert json.loads(texts["history"])["step"] == [2]
    assert pd.read_csv(tmp_path / "out/cup/history.csv")["step"].tolist() == [2]
    (tmp_path / "out/bowl/planes.safetensors").unlink()
    again = _lrm(place, "oracle", *given)
    assert "bowl: held-out PSNR" in again.stdout
    assert "cup: kept, fitted before with these settings" in again.stdout
    other = _lrm(place, "oracle", "--num-iters", 1, *given[2:])
    assert "kept" not in other.stdout
    assert not torch.equal(_planes(tmp_path / "out/cup/planes.safetensors")[0], planes)


def test_spectrum_of_saved_planes_less_a_reference(tmp_path):
    texel = torch.arange(16)
    slow, fast = ((2 * math.pi * k * texel / 16).cos().expand(3, 2, 16, 16) for k in (1, 6))
    save_file({"planes": (2 * slow + fast + 5).contiguous()}, tmp_path / "wave.safetensors")
    save_file({"planes": torch.full((3, 2, 16, 16), 5.0)}, tmp_path / "level.safetensors")
    given = ["--triplane_path", tmp_path / "wave.safetensors", "--reference", tmp_path / "level.safetensors"]
    result = CliRunner().invoke(main, ["spectrum", *map(str, (*given, "--output-dir", tmp_path / "out"))])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("wave: 80% and 20% of the power below 0.15 and from 0.4 × Nyquist")
    shares = pd.read_csv(tmp_path / "out/wave/shares.csv").set_index("measure")
    assert shares.loc["power", "low"] == pytest.approx(0.8, abs=1e-4)
    assert shares.loc["published", "low"] == pytest.approx(2 / 3, abs=1e-4)
    profile = pd.read_csv(tmp_path / "out/wave/profile.csv")
    assert profile["x_nyquist"].iloc[profile["power"].argmax()] < 0.2
    assert (tmp_path / "out/wave/spectrum.html").is_file()


def test_spectrum_of_objects_is_that_of_prediction_minus_oracle(place, tmp_path):
    result = _lrm(place, "spectrum", "--num-iters", 2, "--output-dir", tmp_path / "out")
    assert result.exit_code == 0, result.output
    model, item = load_model(place / "tiny.safetensors"), load_object(place / "objects/bowl")
    config = oracles.OracleConfig(iterations=2)
    residual = predicted_planes(model, item) - oracles.oracle(model, item, "predicted", config, 0).planes
    shares = pd.read_csv(tmp_path / "out/bowl/shares.csv").set_index("measure").loc["power"]
    expected = pooled_shares(residual, (0.0, 0.15, 0.4, math.inf)).tolist()
    assert shares[["low", "mid", "high"]].tolist() == pytest.approx(expected, rel=1e-4)
    assert (tmp_path / "out/cup/shares.csv").is_file()


def test_response_around_saved_planes_and_around_the_oracle(place, tmp_path):
    model, item = load_model(place / "tiny.safetensors"), load_object(place / "objects/cup")
    save_file({"planes": predicted_planes(model, item).contiguous()}, tmp_path / "saved.safetensors")
    tables = {}
    for name, given in (("saved", ("--triplane_path", tmp_path / "saved.safetensors")), ("fitted", ())):
        given += ("--num-iters", 1, "--output-dir", tmp_path / name)
        result = _lrm(place, "response", *given, data="objects/cup")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("cup: H ")
        tables[name] = pd.read_csv(tmp_path / name / "cup/response.csv")
    assert tables["saved"]["low"].tolist() == pytest.approx([k / 10 for k in range(10)])
    assert (tables["saved"]["response"] > 0).all()
    assert not tables["saved"].equals(tables["fitted"])
    assert (tmp_path / "saved/cup/response.html").is_file()


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        ("tto", ["--variant", "colours"], "unknown variant 'colours'; expected one of planes, proximity"),
        ("tto", ["--num-iters", "0"], "iterations: expected at least 1, found 0"),
        ("oracle", ["--data-dir", "nowhere"], "nowhere: expected a rendered object (rgba, pose"),
        ("oracle", ["--model-name", "tiny"], "unknown model 'tiny'"),
        ("spectrum", ["--triplane-path", "none.safetensors"], "none.safetensors"),
        ("spectrum", ["--reference", "r.safetensors"], "r.safetensors: a reference needs planes"),
        ("response", ["--triplane-path", "README.md"], "README.md: "),
    ],
)
def test_bad_input_is_one_sentence(place, tmp_path, command, arguments, message):
    result = _lrm(place, command, "--output-dir", tmp_path, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "Traceback" not in result.stderr


def test_planes_that_do_not_fit_are_named(tmp_path):
    save_file({"planes": torch.zeros(2, 4, 8, 8)}, tmp_path / "two.safetensors")
    with pytest.raises(ValueError, match=r"two.safetensors: expected planes of shape \(3, C, R, R\), found"):
        read_planes(tmp_path / "two.safetensors")
    save_file({"other": torch.zeros(3, 4, 8, 8)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match=r"other.safetensors: expected a safetensors file with a tensor"):
        read_planes(tmp_path / "other.safetensors")
    for name, size in (("a", 8), ("b", 16)):
        save_file({"planes": torch.zeros(3, 1, size, size)}, tmp_path / f"{name}.safetensors")
    arguments = ["--triplane-path", tmp_path / "a.safetensors", "--reference", tmp_path / "b.safetensors"]
    result = CliRunner().invoke(main, ["spectrum", *map(str, arguments)])
    assert "b.safetensors: expected planes of shape (3, 1, 8, 8) as in" in result.stderr
