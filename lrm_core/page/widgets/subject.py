"""What a bench looks at: one object and one model at full precision, with the oracle that was fitted for it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from lrm_core import load_model
from lrm_core.measure import oracles
from lrm_core.measure.surface import SurfaceScene, surface_scene
from lrm_core.model.config import PRESETS
from lrm_core.model.lrm import LRM
from lrm_core.objects import RenderedObject
from lrm_core.objects.files import object_folders
from lrm_core.page.finding_page import Chapter
from lrm_core.paths import repository_root
from lrm_core.profiles import Profile
from lrm_core.records.runner import load_item
from lrm_core.render.cameras import Views

VIEWS = 1  # held-out views that a bench renders
KEPT = 8  # objects whose planes and renders stay in memory


@dataclass(frozen=True, eq=False)
class Subject:
    """An object under a frozen model, with the configuration and the seed of its oracle.

    Whatever is expensive is computed when it is first asked for, and kept; files that change meanwhile are not read
    again.
    """

    model: LRM
    item: RenderedObject
    config: oracles.OracleConfig
    seed: int

    @cached_property
    def T_pred(self) -> Float[Tensor, "3 c r r"]:
        """The prediction; raises as `predicted_planes`."""
        return oracles.predicted_planes(self.model, self.item)

    def check(self) -> None:
        """Raise ValueError if an oracle could not be fitted: images of another size, or no view to hold out."""
        oracles.heldout_views(self.item, VIEWS)
        _ = self.T_pred

    def is_fitted(self) -> bool:
        """Whether the oracle from T_pred was fitted before, or came with the repository, and its file is whole."""
        wanted = oracles.oracle_fingerprint(self.model, self.item, "predicted", self.config, self.seed)
        return oracles.find_oracle(oracles.OracleCache(), wanted, self.model) is not None

    def fit(self, on_step: Callable[[int], None]) -> None:
        """Fit the oracle, which takes minutes, and keep it on disk; `on_step` is told how many steps are done."""
        oracles.oracle(self.model, self.item, "predicted", self.config, self.seed, on_step=on_step)

    @cached_property
    def residual(self) -> Float[Tensor, "3 c r r"]:
        """T_pred less its oracle, which is fitted first if it was not."""
        return self.T_pred - oracles.oracle(self.model, self.item, "predicted", self.config, self.seed).planes

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
        return oracles.heldout_views(self.item, VIEWS)


def folders(plan: Profile, typed: str) -> dict[str, Path]:
    """Rendered objects by name: those in the folder that was typed, or the profile's; FileNotFoundError without."""
    found = object_folders(place(typed)) if typed.strip() else plan.object_folders(every=True)
    return {folder.name: folder for folder in found}


def subject_of(chapter: Chapter, model: str, folder: str, name: str) -> Subject:
    """An object of a folder under a model, both as they were typed; the chapter's where nothing was.

    Raises as `folders`, `load_model` and `load_object`; ValueError if the folder has no object of that name.
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
def _open(model: LRM, plan: Profile, folder: Path, config: oracles.OracleConfig, seed: int) -> Subject:
    return Subject(model, load_item(plan, folder), config, seed)
