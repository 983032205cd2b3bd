"""Lets torchvision be imported beside a torch build that its compiled extension does not fit."""

import importlib.machinery
from functools import cache
from pathlib import Path

import torch


@cache
def allow_torchvision_import() -> torch.library.Library | None:
    """Declare the operators that torchvision's Python code names at import, if its extension cannot.

    torchvision built for CUDA does not load beside a CPU torch, and its import then stops at
    "operator torchvision::nms does not exist". LPIPS needs only its network definitions, so the schemas
    suffice: calling one of the operators still fails, as it should. Call before importing torchvision.

    Returns:
        the library that holds the declarations, kept for as long as the process lives; None where the
        extension loads and nothing was declared.
    """
    if _extension_loads():
        return None
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def _extension_loads() -> bool:
    """Whether torchvision's compiled operators are there, loading them if need be."""
    if hasattr(torch.ops.torchvision, "nms"):
        return True
    spec = importlib.machinery.PathFinder.find_spec("torchvision")
    folders = spec.submodule_search_locations if spec else []
    try:
        for path in Path(folders[0]).glob("_C.*") if folders else []:
            torch.ops.load_library(path)
    except OSError:
        return False
    return hasattr(torch.ops.torchvision, "nms")
