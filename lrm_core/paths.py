"""Where the repository keeps its data; every module asks here instead of counting parent folders."""

from pathlib import Path


def repository_root() -> Path:
    """Folder that holds `lrm_core/`, `data/` and `notebooks/` (the package is installed editable)."""
    return Path(__file__).resolve().parents[1]


def data_dir() -> Path:
    """Folder `data/` of the repository: mini model, mini objects, LPIPS weights, claims, results."""
    return repository_root() / "data"
