"""The objects that come with the project: built, and listed in the manifest."""

from pathlib import Path

from tqdm import tqdm

from lrm_core.files import read_json
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
from lrm_core.objects.manifest import Entry, make_entry, record_entries
from lrm_core.objects.procedural import held_out_seeds
from lrm_core.render.cameras import pinhole_intrinsics

HELD_OUT_OBJECTS = 24
OWN_LICENCE = "Apache-2.0"
RENDERERS = {
    "mini/objects/real": "",
    "mini/objects/cycles": " by Cycles, 256 pixels, 32 samples",
}  # of the same meshes


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


def procedural_name(seed: int) -> str:
    """Folder name of the procedural object with the given number."""
    return f"procedural_{seed}"


def build_mini_objects(data: str | Path) -> None:
    """Render the real and the held-out procedural objects into `mini/objects` and list them.

    Those in `mini/objects/cycles`, which only Blender can render, are listed as they are.
    Finished objects are kept. The images are stored as they are rendered, 8 bits a channel, in optimised PNG.

    Args:
        data: the data folder of the project, which holds `objects/glb` and `objects/LICENSES.json`.

    Raises:
        ValueError: if a mesh cannot be rendered.
    """
    data = Path(data)
    report = render_path(data / "objects/glb", data / "mini/objects/real")
    if report.failed:
        raise ValueError("\n".join(report.failed.values()))
    build_procedural(data / "mini/objects/procedural")
    record_entries(data, _entries(data))


def _entries(data: Path) -> list[Entry]:
    """Path, source, licence and seed of all that comes with the project."""
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
