"""Identity of a model: a hash of its parameters, for the provenance of every result."""

import hashlib

import torch
from torch import nn


def model_hash(model: nn.Module) -> str:
    """SHA-256, in hexadecimal, over the names, types, shapes and bytes of the state in order of name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
