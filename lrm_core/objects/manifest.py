"""The data files of the project: their list, with origin, licence and SHA-256 of each, and objects that are built."""

from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from lrm_core.files import MANIFEST as NAME
from lrm_core.files import digest, read_json
from lrm_core.objects.build import (
    RESOLUTION,
    SPLIT_SEED,
    VIEWS,
    check_same_cameras,
    object_poses,
    render_path,
    split_finished,
)
from lrm_core.objects.caster import render_object
from lrm_core.objects.dataset import save_object
from lrm_core.objects.files import write_json
from lrm_core.objects.procedural import held_out_seeds, procedural_name
from lrm_core.render.cameras import pinhole_intrinsics

HELD_OUT_OBJECTS = 24
OWN_LICENCE = "Apache-2.0"
RENDERERS = {
    "mini/objects/real": "",
    "mini/objects/cycles": " by Cycles, 256 pixels, 32 samples",
}  # of the same meshes


@dataclass(frozen=True)
class Entry:
    """One file, or one folder that is used as a whole.

    Attributes:
        path: relative to the data folder, with forward slashes.
        source: where it was taken from, or how it was made.
        licence: SPDX identifier.
        sha256, bytes: of the file or the folder, as `digest` says.
        seed: number of a procedural object, or what a random split was drawn with; else None.
    """

    path: str
    source: str
    licence: str
    sha256: str
    bytes: int
    seed: int | None = None


def make_entry(data: Path, path: str, *, source: str, licence: str, seed: int | None = None) -> Entry:
    """Entry for a file or folder `path` of the data folder; raises FileNotFoundError if there is none."""
    sha256, size = digest(data / path)
    return Entry(path, source, licence, sha256, size, seed)


def read_manifest(data: Path) -> list[Entry]:
    """Entries of `MANIFEST.json` in the data folder; FileNotFoundError if there is none, ValueError if damaged."""
    path = Path(data) / NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return [Entry(**entry) for entry in read_json(path)]
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: not a readable manifest ({error})") from error


def record_entries(data: Path, entries: list[Entry]) -> None:
    """Put entries into the manifest, in place of older ones for the same paths."""
    data = Path(data)
    old = read_manifest(data) if (data / NAME).exists() else []
    merged = {entry.path: entry for entry in [*old, *entries]}
    write_json(data / NAME, [asdict(merged[path]) for path in sorted(merged)])


def forget_missing(data: Path) -> None:
    """Drop the entries of files and folders that are no longer there."""
    kept = [entry for entry in read_manifest(data) if (data / entry.path).exists()]
    write_json(data / NAME, [asdict(entry) for entry in kept])


def build_procedural(out: str | Path, *, views: int = VIEWS, resolution: int = RESOLUTION) -> None:
    """Render the held-out procedural objects that `out` does not hold yet, and write its lists."""
    out = Path(out)
    for seed in tqdm(held_out_seeds(HELD_OUT_OBJECTS), desc="procedural", unit="object"):
        name = procedural_name(seed)
        if (out / name).exists():
            check_same_cameras(out / name, views=views, resolution=resolution, seed=0)
            continue
        poses = object_poses(name, views, seed=0)
        rgba, _, _ = render_object(seed, poses, resolution)
        save_object(out / name, rgba.clamp(0, 1), poses, pinhole_intrinsics(resolution))
    split_finished(out)


def build_mini_objects(data: str | Path) -> None:
    """Render the real and the held-out procedural objects into `mini/objects` and list them.

    Those in `mini/objects/cycles`, which only Blender can render, are listed as they are. Finished objects are kept.
    Their meshes and `LICENSES.json` lie in `objects` of the data folder. Raises ValueError if one cannot be rendered.
    """
    data = Path(data)
    report = render_path(data / "objects/glb", data / "mini/objects/real")
    if report.failed:
        raise ValueError("\n".join(report.failed.values()))
    build_procedural(data / "mini/objects/procedural")
    record_entries(data, _entries(data))


def _entries(data: Path) -> list[Entry]:
    """All that comes with the project."""
    package, listed = "Debian sweethome3d-furniture 1.8-1", []
    for name, facts in read_json(data / "objects/LICENSES.json")["objects"].items():
        author, mesh, licence = facts["author"] or "unknown author", f"objects/glb/{name}.glb", facts["licence"]
        listed.append((mesh, f"{facts['title']} by {author}, {facts['source_package']}", licence, None))
        for group, renderer in RENDERERS.items():
            if (data / group / name).is_dir():
                listed.append((f"{group}/{name}", f"rendered from {mesh}{renderer}", licence, None))
    for seed in held_out_seeds(HELD_OUT_OBJECTS):
        made = "procedural object, rendered by lrm_core.objects"
        listed.append((f"mini/objects/procedural/{procedural_name(seed)}", made, OWN_LICENCE, seed))
    for group in ("real", "procedural"):
        listed.append((f"mini/objects/{group}/meta", "split 80/20 by seed", OWN_LICENCE, SPLIT_SEED))
    listed.append(("objects/LICENSE-BlendSwap-CC-0.txt", package, "CC0-1.0", None))
    listed.append(("objects/LICENSES.json", f"compiled from {package}", OWN_LICENCE, None))
    return [make_entry(data, path, source=s, licence=licence, seed=n) for path, s, licence, n in listed]
