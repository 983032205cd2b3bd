"""Chapters on a tiny random model and synthetic objects, with records of every column a figure reads."""

from collections.abc import Callable, Iterable
from pathlib import Path

import nbformat
import pandas as pd
import plotly.graph_objects as go
import pytest
import torch

from lrm_core import LRM, LRMConfig
from lrm_core.findings.claims import claim
from lrm_core.findings.rulebook import RULES
from lrm_core.measure import correction_scores, e12_test_time
from lrm_core.measure.experiments import EXPERIMENTS, get_experiment
from lrm_core.measure.oracles import OracleCache
from lrm_core.model.config import ViTConfig
from lrm_core.objects import RenderedObject
from lrm_core.page import chapter as chapter_module
from lrm_core.page.chapter import Chapter
from lrm_core.page.viewer import widget
from lrm_core.paths import repository_root
from lrm_core.profiles import Profile
from lrm_core.records.runner import Recorder
from lrm_core.records.store import ResultStore
from lrm_core.render.cameras import look_at

SIZE = 16
TINY = LRMConfig(
    camera_embed_dim=8,
    rendering_samples_per_ray=8,
    transformer_dim=16,
    transformer_layers=1,
    transformer_heads=2,
    triplane_low_res=8,
    triplane_high_res=SIZE,
    triplane_dim=24,
    encoder_model_name="tiny",
    encoder_feat_dim=16,
    vit=ViTConfig(embed_dim=16, depth=1, num_heads=2, patch_size=8, pos_grid=2),
    source_size=SIZE,
    render_size=SIZE,
)
PLAN = Profile("tiny", "tiny", ("group",), 4, iterations=2, rays_per_step=32, seeds=(0,))
GROUPS = {"disc0": "real", "disc1": "real", "disc2": "procedural", "disc3": "procedural"}


def disc(seed: int) -> RenderedObject:
    """A coloured disc of its own radius, the same in all eight views."""
    generator = torch.Generator().manual_seed(seed)
    axis = torch.linspace(-1, 1, SIZE)
    inside = (axis[:, None].square() + axis.square() < 0.3 + 0.1 * seed).float()[None, None]
    mask = inside.expand(8, 1, -1, -1)
    angle = torch.arange(8) * (2 * torch.pi / 8) - torch.pi / 2
    eyes = 2 * torch.stack([angle.cos(), angle.sin(), torch.zeros(8)], dim=1)
    intrinsics = torch.tensor([[0.75 * SIZE] * 2, [SIZE / 2] * 2, [float(SIZE)] * 2])
    images = torch.rand(1, 3, 1, 1, generator=generator) * mask + 1 - mask
    return RenderedObject(f"disc{seed}", images, mask.clone(), look_at(eyes), intrinsics)


@pytest.fixture(scope="session")
def tiny_item() -> RenderedObject:
    return disc(0)


@pytest.fixture(scope="session")
def tiny_model() -> LRM:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LRM(TINY).eval().requires_grad_(False)


@pytest.fixture(scope="session", autouse=True)
def small_lpips():
    """The mean square in place of LPIPS, which needs larger images than these."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in (
            (correction_scores, "lpips"),
            (e12_test_time, "lpips"),
            (e12_test_time, "lpips_with_gradients"),
        ):
            patch.setattr(module, name, lambda a, b: (a - b).square().mean((1, 2, 3)))
        yield


@pytest.fixture(scope="session", autouse=True)
def small_posters():
    """Still pictures of viewers that take no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(widget, "POSTER_SIDE", 16)
        yield


@pytest.fixture(scope="session")
def tables(tiny_model: LRM, tmp_path_factory: pytest.TempPathFactory, small_lpips) -> dict[str, pd.DataFrame]:
    """Records of every claim on four objects."""
    rules = {name: rule for name, rule in RULES.items() if rule.experiment in EXPERIMENTS}
    experiments = dict.fromkeys(rule.experiment for rule in rules.values())
    store = _records(tiny_model, tmp_path_factory.mktemp("store"), experiments)
    return {name: store.table(rule.experiment) for name, rule in rules.items()}


def _records(model: LRM, folder: Path, experiments: Iterable[str]) -> ResultStore:
    """A store with the records of every disc."""
    store, cache = ResultStore(folder), OracleCache(folder / "oracles", folder / "shipped")
    recorder = Recorder(PLAN, model, store, cache)
    for experiment in experiments:
        for seed in range(len(GROUPS)):
            recorder.make(disc(seed), get_experiment(experiment), 0)
    return store


@pytest.fixture
def make_chapter(tiny_model, request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A chapter on a claim by its id, on those records or on `tables`; its oracles go to a temporary folder."""
    cache = OracleCache(tmp_path / "oracles", tmp_path / "shipped")
    fit = chapter_module.oracle
    monkeypatch.setattr(chapter_module, "oracle", lambda *arguments: fit(*arguments, cache))

    def make(claim_id: str, table: pd.DataFrame | None = None) -> Chapter:
        records = request.getfixturevalue("tables")[claim_id] if table is None else table
        return Chapter(claim(claim_id), RULES[claim_id], PLAN, 0, tiny_model, records, GROUPS, disc(0))

    return make


@pytest.fixture
def run_notebook(monkeypatch) -> Callable[[str, Chapter], list]:
    """Runs every cell of a notebook with a chapter in place of the one that it would open; what it displays."""

    def run(name: str, chapter: Chapter) -> list:
        shown: list = []
        monkeypatch.setattr(chapter_module, "open_chapter", lambda *arguments, **options: chapter)
        monkeypatch.setattr(chapter_module, "display", shown.append)
        monkeypatch.setattr(go.Figure, "show", lambda figure: shown.append(figure))
        names: dict = {}
        for cell in nbformat.read(repository_root() / "notebooks" / f"{name}.ipynb", as_version=4).cells:
            if cell.cell_type == "code":
                exec(cell.source, names)
        return shown

    return run
