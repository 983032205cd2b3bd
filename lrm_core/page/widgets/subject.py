"""What a bench looks at: one object and one model at full precision, with the oracle that was fitted for it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core import load_model
from lrm_core.measure.oracles import (
    OracleCache,
    OracleConfig,
    find_oracle,
    heldout_views,
    oracle,
    oracle_fingerprint,
    predicted_planes,
)
from lrm_core.measure.surface import SurfaceScene, surface_scene
from lrm_core.model.config import PRESETS
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.objects.files import object_folders
from lrm_core.page.finding_page import Chapter
from lrm_core.paths import repository_root
from lrm_core.profiles import Profile
from lrm_core.records.runner import load_item
from lrm_core.render.views import Views

VIEWS = 1  # held-out views that a bench renders
KEPT = 8  # objects whose planes and renders stay in memory


@dataclass(frozen=True, eq=False)
class Subject:
    """An object under a model; whatever is expensive is computed when it is first asked for, and kept.

    Files that change while the kernel runs are not read again.

    Attributes:
        model: frozen, in float32.
        item: the object.
        config, seed: of its oracle.
    """

    model: LRM
    item: RenderedObject
    config: OracleConfig
    seed: int

    @cached_property
    def T_pred(self) -> Float[Tensor, "3 c r r"]:
        """The prediction; raises as `predicted_planes`."""
        return predicted_planes(self.model, self.item)

    def check(self) -> None:
        """Raise ValueError if an oracle could not be fitted: images of another size, or no view to hold out."""
        heldout_views(self.item, VIEWS)
        _ = self.T_pred

    def is_fitted(self) -> bool:
        """Whether the oracle from T_pred was fitted before, or came with the repository, and its file is whole."""
        return find_oracle(OracleCache(), self._fingerprint, self.model) is not None

    def fit(self, on_step: Callable[[int], None]) -> None:
        """Fit the oracle, which takes minutes, and keep it on disk; `on_step` is told how many steps are done."""
        oracle(self.model, self.item, "predicted", self.config, self.seed, on_step=on_step)

    @cached_property
    def residual(self) -> Float[Tensor, "3 c r r"]:
        """T_pred less its oracle, which is fitted first if it was not."""
        return self.T_pred - oracle(self.model, self.item, "predicted", self.config, self.seed).planes

    @cached_property
    def scene(self) -> SurfaceScene:
        """Its surface in eight held-out views at most; raises as `surface_scene`."""
        return surface_scene(self.model, self.item, self.config, 8, 0, self.seed)

    @property
    def T_ref(self) -> Float[Tensor, "3 c r r"]:
        """Its oracle, which is fitted first if it was not."""
        return self.T_pred - self.residual

    @property
    def views(self) -> Views:
        """The first held-out views; raises as `heldout_views`."""
        return heldout_views(self.item, VIEWS)

    @cached_property
    def _fingerprint(self) -> str:
        return oracle_fingerprint(self.model, self.item, "predicted", self.config, self.seed)


def folders(plan: Profile, typed: str) -> dict[str, Path]:
    """Rendered objects by name: those in the folder that was typed, or the profile's if nothing was.

    Raises:
        FileNotFoundError: if there is none.
    """
    found = object_folders(place(typed)) if typed.strip() else plan.object_folders(every=True)
    return {folder.name: folder for folder in found}


def subject_of(chapter: Chapter, model: str, folder: str, name: str) -> Subject:
    """An object of a folder under a model, both as they were typed; the chapter's where nothing was.

    Raises:
        ValueError, FileNotFoundError: as `folders`, `load_model` and `load_object`; if the folder has no object of
            that name.
    """
    found = folders(chapter.plan, folder)
    if name not in found:
        raise ValueError(f"no object {name!r}; expected one of {', '.join(found)}")
    own, device = model.strip() in ("", chapter.plan.model), next(chapter.model.parameters()).device
    loaded = chapter.model if own else _load(model.strip(), device)
    return _open(loaded, chapter.plan, found[name], chapter.oracle_config, chapter.seed)


def place(typed: str) -> Path:
    """A path as it was typed: `~` is the home folder, and what is relative begins at the repository."""
    return repository_root() / Path(typed.strip()).expanduser()


@lru_cache(maxsize=1)
def _load(name: str, device: torch.device) -> LRM:
    known = name in PRESETS or not place(name).exists()  # what does not exist is named as it was typed
    return load_model(name if known else place(name), device=device).requires_grad_(False)


@lru_cache(maxsize=KEPT)
def _open(model: LRM, plan: Profile, folder: Path, config: OracleConfig, seed: int) -> Subject:
    return Subject(model, load_item(plan, folder), config, seed)
