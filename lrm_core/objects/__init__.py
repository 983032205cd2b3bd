"""Objects: their format on disk, procedural ones, and meshes rendered by ray casting."""

from lrm_core.objects.dataset import RenderedObject, Source, load_object, load_split, save_object
from lrm_core.objects.files import split_names

__all__ = ["RenderedObject", "Source", "load_object", "load_split", "save_object", "split_names"]
