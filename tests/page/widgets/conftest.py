"""Benches on a tiny model and square objects on disk."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from tiny_folder import save_square, save_tiny
from tiny_functions import tiny_chapter

from lrm_core.measure import oracles
from lrm_core.page.widgets import subject as subject_module
from lrm_core.page.widgets.subject import subject_of


@pytest.fixture(scope="session")
def disk(tmp_path_factory) -> Path:
    """The tiny model, its profile's objects in `profile`, and one of a reader's own in `own`."""
    folder = tmp_path_factory.mktemp("benches")
    save_tiny(folder / "tiny.safetensors")
    for seed, name in enumerate(("profile/bowl", "profile/cup", "own/vase")):
        save_square(folder / name, seed, views=12)
    save_square(folder / "short" / "stub", 0, views=3)
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch) -> Path:
    """Oracles stay in the folder of the test, those that are shipped too; nothing is kept in memory."""
    monkeypatch.setattr(oracles, "repository_root", lambda: tmp_path)
    monkeypatch.setattr(oracles, "data_dir", lambda: tmp_path / "data")
    subject_module._open.cache_clear()
    subject_module._load.cache_clear()
    return tmp_path / ".cache" / "oracles"


@pytest.fixture
def setting(disk) -> SimpleNamespace:
    """What a bench needs of a chapter."""
    return tiny_chapter(disk)


@pytest.fixture(scope="session")
def kept(tmp_path_factory) -> Path:
    """Oracles that the first test has fitted."""
    return tmp_path_factory.mktemp("fitted") / "oracles"


@pytest.fixture
def fitted(setting, own_cache, kept) -> SimpleNamespace:
    """The setting, with oracles of the profile's objects in the cache."""
    if kept.exists():
        shutil.copytree(kept, own_cache)
    for name in ("bowl", "cup"):
        subject_of(setting, "", "", name).fit(lambda steps: None)
    if not kept.exists():
        shutil.copytree(own_cache, kept)
    return setting
