"""What each profile runs: model, objects, oracle length, seeds, device."""

from dataclasses import dataclass
from pathlib import Path

from lrm_core.paths import data_dir


@dataclass(frozen=True)
class Profile:
    """One size of the whole paper.

    Attributes:
        model: name for `load_model`.
        objects: folders of rendered objects, relative to `data`; a path that holds several is listed.
        per_group: at most so many objects of each folder, in order of name.
        views: at most so many views of each object, view 0 included; None is all.
        whole: whether experiments on every object reach beyond `per_group`.
        iterations, rays_per_step, views_per_step: of every oracle; a step takes rays or (as published) views.
        seeds: of the experiments in which a seed matters.
        training_objects: what the guesses without a model look at.
        device: where it runs.
    """

    name: str
    model: str
    objects: tuple[str, ...]
    per_group: int
    iterations: int
    rays_per_step: int | None
    seeds: tuple[int, ...]
    views_per_step: int | None = None
    views: int | None = None
    whole: bool = True
    training_objects: int = 512
    device: str = "cpu"

    @property
    def results(self) -> Path:
        """Folder of the records of this profile."""
        return data_dir() / "results" / self.name

    def object_folders(self, every: bool = False) -> list[Path]:
        """Folders of the objects, group by group; with `every`, beyond `per_group` too if the profile is `whole`.

        Raises:
            FileNotFoundError: if a group is missing or empty.
        """
        limit = None if every and self.whole else self.per_group
        return [folder for group in self.objects for folder in _members(data_dir() / group)[:limit]]

    def object_folder(self, name: str) -> Path:
        """Folder of one object of this profile.

        Raises:
            FileNotFoundError: as `object_folders`.
            ValueError: if the profile has no such object.
        """
        folders = {folder.name: folder for folder in self.object_folders()}
        if name not in folders:
            raise ValueError(f"profile {self.name} has no object {name!r}; it has {', '.join(folders)}")
        return folders[name]


MINI_GROUPS = ("mini/objects/real", "mini/objects/procedural")
PROFILES = {
    profile.name: profile
    for profile in (
        Profile(
            "smoke",
            "mini",
            MINI_GROUPS,
            1,
            iterations=30,
            rays_per_step=1024,
            seeds=(0,),
            views=8,
            whole=False,
            training_objects=32,
        ),
        Profile("mini", "mini", MINI_GROUPS, 3, iterations=1000, rays_per_step=2048, seeds=(0,)),
        Profile(
            name="paper",
            model="openlrm-mix-base-1.1",
            objects=("paper/objects",),
            per_group=21,
            iterations=2000,
            rays_per_step=None,
            views_per_step=4,
            seeds=(0, 1, 2),
            device="cuda",
        ),
    )
}


def get_profile(name: str) -> Profile:
    """The profile of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name!r}; expected one of {', '.join(PROFILES)}")
    return PROFILES[name]


def _members(group: Path) -> list[Path]:
    members = sorted(path for path in group.glob("*") if (path / "intrinsics.npy").exists())
    if not members:
        raise FileNotFoundError(
            f"{group}: expected folders of rendered objects (rgba/ pose/ intrinsics.npy), found none; "
            "render some with `lrm render`"
        )
    return members
