"""The released format of OpenLRM: a folder with `config.json` and `model.safetensors`."""

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from lrm_core.atomic import appearing
from lrm_core.model.checkpoints import save_checkpoint
from lrm_core.model.config import LRMConfig
from lrm_core.model.hub import CONFIG, WEIGHTS
from lrm_core.model.lrm import LRM

OURS = ("vit", "source_size", "render_size")  # keys that OpenLRM's config.json does not have


def openlrm_config(config: LRMConfig) -> dict[str, Any]:
    """The keys of OpenLRM's `config.json`, and of `OURS` those without which they would stand for another model.

    >>> from lrm_core.model.config import PRESETS
    >>> len(openlrm_config(PRESETS["openlrm-obj-small-1.1"]))
    12
    """
    whole = config.to_dict()
    published = {part.name: whole[part.name] for part in fields(LRMConfig) if part.name not in OURS}
    return published | {key: whole[key] for key in OURS if not _implied(key, published, whole)}


def _implied(key: str, published: Mapping[str, Any], whole: Mapping[str, Any]) -> bool:
    """Whether OpenLRM's keys alone give the value of one of `OURS`."""
    try:
        return LRMConfig.from_openlrm(published).to_dict()[key] == whole[key]
    except ValueError:  # an encoder that is none of DINOv2's
        return False


def what_openlrm_lacks(config: LRMConfig) -> str | None:
    """One sentence about what the released format cannot say to OpenLRM itself; None where it says all."""
    extra = [key for key in OURS if key in openlrm_config(config)]
    if not extra:
        return None
    reason = f"OpenLRM ignores {', '.join(extra)} in {CONFIG}"
    if "vit" in extra:
        reason += f" and has no encoder {config.encoder_model_name}, so it cannot build this model"
    return f"{reason}; lrm reads it back without loss."


def save_release(model: LRM, folder: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a model in the released format, in float32; the folder appears whole or not at all.

    Args:
        model: of any sizes.
        folder: must not exist yet; its parent is made.
        metadata: further text for the header of the weights.

    Raises:
        FileExistsError: if there is something.
        ValueError: if a parameter is not finite.
        OSError: if it cannot be written.
    """
    if folder.exists():
        raise FileExistsError(f"{folder}: exists already; remove it or choose another place")
    with appearing(folder) as temporary:
        save_checkpoint(model, temporary / WEIGHTS, torch.float32, metadata)
        text = json.dumps(openlrm_config(model.config), indent=2)
        (temporary / CONFIG).write_text(text + "\n", encoding="utf-8")
