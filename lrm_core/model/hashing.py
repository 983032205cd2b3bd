"""Identity of a model: a hash of its parameters, for the provenance of every result."""

from torch import nn

from lrm_core.fingerprint import labelled, sha256


def model_hash(model: nn.Module) -> str:
    """SHA-256, in hexadecimal, over the names, types, shapes and bytes of the state in order of name."""
    return sha256(*labelled(model.state_dict()))
