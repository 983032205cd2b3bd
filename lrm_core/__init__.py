"""An executable, audited paper on the frequency mismatch of feed-forward image-to-3D models."""

from importlib import import_module
from typing import Any

_HOMES = {
    "LRM": "lrm_core.model.lrm",
    "LRMConfig": "lrm_core.model.config",
    "load_model": "lrm_core.model.checkpoints",
}
__all__ = ["LRM", "LRMConfig", "load_model"]


def __getattr__(name: str) -> Any:
    """Import the public names on first use: PyTorch takes seconds, and `lrm --help` needs none of it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'lrm_core' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
