"""Objects: their format on disk, procedural ones, and meshes rendered by ray casting."""

from lrm_core.objects.dataset import RenderedObject, Source, load_cameras, load_object, save_object
from lrm_core.objects.procedural import FIRST_HELD_OUT_SEED, held_out_seeds
from lrm_core.objects.splits import load_split, split_names

__all__ = [
    "FIRST_HELD_OUT_SEED",
    "RenderedObject",
    "Source",
    "held_out_seeds",
    "load_cameras",
    "load_object",
    "load_split",
    "save_object",
    "split_names",
]
