"""Fingerprint of a rendered object."""

from dataclasses import fields

import torch

from lrm_core.fingerprint import HASH_LENGTH, labelled, sha256
from lrm_core.objects.dataset import RenderedObject


def data_hash(item: RenderedObject) -> str:
    """Digest of the images, masks, poses and intrinsics of an object, and of what is told wrong of its source.

    Its name does not count.
    """
    names = ("images", "masks", "poses", "intrinsics")
    tensors = {name: getattr(item, name) for name in names}
    for field in fields(item.source):
        if (value := getattr(item.source, field.name)) != field.default:
            tensors[field.name] = torch.tensor(value, dtype=torch.float64)
    return sha256(*labelled(tensors, end=""))[:HASH_LENGTH]
