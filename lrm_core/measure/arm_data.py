"""What the arms of fine-tuning train on and what they are scored on (E13 to E15)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import torch

from lrm_core.fingerprint import HASH_LENGTH, sha256
from lrm_core.fit.examples import Example
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject, load_object
from lrm_core.objects.dataset import data_hash
from lrm_core.profiles import Profile


def object_folders(profile: Profile) -> tuple[list[Path], list[Path]]:
    """Folders of the objects that arms train on and of those that validate; no object is in both.

    Raises:
        FileNotFoundError: if a folder is missing.
        ValueError: if a folder holds too few objects.
    """
    train, validation = profile.finetuning.objects
    for members in profile.members():
        if len(members) < train + validation:
            raise ValueError(
                f"{members[0].parent}: expected at least {train + validation} objects, found {len(members)}"
            )
    return (
        [folder for members in profile.members() for folder in members[:train]],
        [folder for members in profile.members() for folder in members[train : train + validation]],
    )


@dataclass(frozen=True)
class ArmData:
    """What an arm trains on and what it is scored on."""

    train: list[Example]
    validation: list[Example]

    def shuffled(self) -> Self:
        """The same with the true views of the next training object in place of each one's own."""
        others = [*self.train[1:], *self.train[:1]]
        pairs = zip(self.train, others, strict=True)
        return replace(self, train=[replace(example, views=other.views) for example, other in pairs])


def objects_hash(train: Sequence[Path], validation: Sequence[Path]) -> str:
    """Digest of all objects, in order and by what they are for.

    It stands for the files and not for what the encoder makes of them, whose last digits are those of a machine.
    """
    parts = [[(folder.name, data_hash(load_object(folder))) for folder in part] for part in (train, validation)]
    return sha256(repr(parts))[:HASH_LENGTH]


def make_examples(
    model: LRM,
    folders: Sequence[Path],
    views: Sequence[int],
    told: Callable[[RenderedObject], float | None],
    side: int | None = None,
) -> list[Example]:
    """`Example.of` each object, averaged to `side` pixels; `told` is the source distance that the encoder is told.

    The encoder runs in one thread, so that a run resumes in any number of them.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        items = (load_object(folder).averaged(side) for folder in folders)
        return [Example.of(model, item, views, told(item)) for item in items]
    finally:
        torch.set_num_threads(threads)
