"""Objects of Objaverse: fetched from the hub or taken from a mirror, checked, rendered, and listed with licences.

<out>/<uid>/            one rendered object, in the format of `dataset.py`
<out>/meta/             the lists, a random fifth validates
<out>/objaverse.json    the objects and what failed, and why

Of each object are listed: its uid of 32 hexadecimal digits, the path of its GLB in the dataset, title and author
(empty where the annotations have none), licence (SPDX identifier), url of its page (null where they have none),
revision (the commit of the dataset that its GLB is of, null from a mirror), SHA-256 and bytes of the GLB, and the
seed of its camera poses, and of the draw if it was drawn.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tqdm import tqdm

from lrm_core.files import digest, read_json
from lrm_core.model.hub import check_cached
from lrm_core.objects.build import VIEWS, RenderReport, check_same_cameras, check_sizes, render_file, split_finished
from lrm_core.objects.files import write_json
from lrm_core.objects.objaverse_index import LICENCES, REVISION, Files, Index

MANIFEST = "objaverse.json"
LISTED = {"uid", "path", "title", "author", "licence", "url", "revision", "sha256", "bytes", "seed"}
ALLOWED = ("cc0", "by")
NUM_OBJECTS = 28  # the published 16 to fine-tune on and 12 to validate on, where 5 were
RESOLUTION = 336  # pixels, what openlrm-mix-base-1.1 sees of a source image
MAX_BYTES = 100 * 2**20  # of a GLB


def render_objaverse(
    out: str | Path,
    *,
    num_objects: int = NUM_OBJECTS,
    seed: int = 0,
    uids: Sequence[str] | None = None,
    licences: Sequence[str] = ALLOWED,
    mirror: str | Path | None = None,
    views: int = VIEWS,
    resolution: int = RESOLUTION,
) -> RenderReport:
    """Render objects of Objaverse into a dataset with train and val lists and a manifest.

    Objects are drawn from all those under an allowed licence (and in the mirror), each as likely as another. One
    that fails is listed with its reason, and the next of the order takes its place. Finished objects are kept, so an
    interrupted call can be repeated; the dataset stays at the commit of the first call. If the objects run out, the
    report has fewer uids than asked for.

    Args:
        seed: of the draw and of the camera poses.
        uids: take these in their order, instead of a draw.
        licences: keys of `LICENCES` that are allowed.
        mirror: folder laid out like the dataset; nothing is downloaded then.

    ConnectionError if there is no mirror and the hub cannot be reached, or must not be (offline mode).
    FileNotFoundError if the mirror has no list of objects. ValueError if an argument is out of range, or `out` holds
    objects with other views, resolution or seed.
    """
    check_sizes(views, resolution)
    if not licences or not set(licences) <= set(LICENCES):
        found = ",".join(licences) or "none"
        raise ValueError(f"expected some of the licences {', '.join(LICENCES)}, found {found}")
    if num_objects < 1:
        raise ValueError(f"the number of objects must be at least 1, found {num_objects}")
    cameras = {"views": views, "resolution": resolution, "seed": seed}
    work = _Work(Path(out), cameras, licences, mirror)
    order = work.drawn() if uids is None else dict.fromkeys(uids)
    report = RenderReport()
    with tqdm(total=num_objects, desc="objaverse", unit="object") as progress:
        for uid in order:
            progress.set_postfix_str(uid)
            progress.update(work.build(uid, report))
            if progress.n == num_objects:
                break
    split_finished(Path(out))
    return report


class _Work:
    """One call of `render_objaverse`: what `objaverse.json` says of objects in the folder and of failures, by uid."""

    def __init__(self, out: Path, cameras: dict[str, int], licences: Sequence[str], mirror: str | Path | None):
        self.out, self.cameras, self.licences = out, cameras, licences
        self.objects, self.failures = _read_manifest(out)
        for uid in self.objects:
            check_same_cameras(out / uid, **cameras)
        known = (item["revision"] for item in self.objects.values() if item["revision"])
        self.source = Files(Path(mirror) if mirror else None, next(known, REVISION))
        self.index = Index(self.source.fetch)

    def drawn(self) -> Iterator[str]:
        """Every object that the source has under an allowed licence, and faulty entries, to be listed as such."""
        for uid in self.index.drawn(self.cameras["seed"]):
            with suppress(ValueError, FileNotFoundError):
                if not self.source.has(self.index.path(uid)) or self.index.facts(uid)["licence"] not in self.licences:
                    continue
            yield uid

    def build(self, uid: str, report: RenderReport) -> bool:
        """Make one object unless it is finished; list it or its failure. Whether there is an object."""
        try:
            facts = self.index.facts(uid)
            if facts["licence"] not in self.licences:
                allowed = ", ".join(self.licences)
                raise ValueError(f"{uid}: its licence is {facts['licence']}; allowed are {allowed}")
            rendered = uid not in self.objects and self._render(facts)
        except (ValueError, FileNotFoundError) as error:
            self.failures[uid] = report.failed[uid] = str(error)
            self._write_manifest()
            return False
        (report.rendered if rendered else report.kept).append(uid)
        return True

    def _render(self, facts: dict[str, str | None]) -> bool:
        """Fetch, check, render and list an object; False if its views are there already."""
        uid, path = facts["uid"], facts["path"]
        if (size := self.source.size(path)) > MAX_BYTES:
            raise ValueError(f"{path}: {size} bytes, more than the {MAX_BYTES} that are rendered")
        file = self.source.fetch(path)
        sha256, size = digest(file)
        check_cached(file)
        rendered = render_file(file, self.out / uid, **self.cameras)
        known = facts | {"licence": LICENCES[facts["licence"]], "revision": self.source.revision}
        self.objects[uid] = known | {"sha256": sha256, "bytes": size, "seed": self.cameras["seed"]}
        self.failures.pop(uid, None)
        self._write_manifest()
        return rendered

    def _write_manifest(self) -> None:
        objects = [self.objects[uid] for uid in sorted(self.objects)]
        write_json(self.out / MANIFEST, {"objects": objects, "failures": self.failures})


def _read_manifest(out: Path) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Objects that are in the folder, and failures; none without a manifest, ValueError if it cannot be read."""
    path = out / MANIFEST
    if not path.exists():
        return {}, {}
    try:
        content = read_json(path)
        listed, failures = {item["uid"]: item for item in content["objects"]}, dict(content["failures"])
        if wrong := [item for item in listed.values() if set(item) != LISTED]:
            raise KeyError(*wrong[0])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: not a readable manifest ({error!r}); remove it") from error
    return {uid: item for uid, item in listed.items() if (out / uid).is_dir()}, failures
