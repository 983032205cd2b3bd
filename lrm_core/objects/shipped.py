"""The objects that come with the project: built, and listed in the manifest."""

import json
from pathlib import Path

from tqdm import tqdm

from lrm_core.objects.build import (
    RESOLUTION,
    SPLIT_SEED,
    VIEWS,
    check_same_cameras,
    object_poses,
    render_path,
    split_finished,
)
from lrm_core.objects.dataset import save_object
from lrm_core.objects.manifest import Entry, make_entry, record_entries
from lrm_core.objects.procedural import held_out_seeds
from lrm_core.objects.procedural_views import render_object
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
    record_entries(data, [*_real_entries(data), *_other_entries(data)])


def _real_entries(data: Path) -> list[Entry]:
    licences = json.loads((data / "objects/LICENSES.json").read_text(encoding="utf-8"))["objects"]
    sources = {}
    for name, facts in licences.items():
        author, mesh = facts["author"] or "unknown author", f"objects/glb/{name}.glb"
        sources[mesh] = f"{facts['title']} by {author}, {facts['source_package']}", facts["licence"]
        for group, renderer in RENDERERS.items():
            if (data / group / name).is_dir():
                sources[f"{group}/{name}"] = f"rendered from {mesh}{renderer}", facts["licence"]
    return [make_entry(data, path, source=s, licence=licence) for path, (s, licence) in sources.items()]


def _other_entries(data: Path) -> list[Entry]:
    made = {"source": "procedural object, rendered by lrm_core.objects", "licence": OWN_LICENCE}
    folder = "mini/objects/procedural"
    package = "Debian sweethome3d-furniture 1.8-1"
    split = {"source": "split 80/20 by seed", "licence": OWN_LICENCE, "seed": SPLIT_SEED}
    compiled = {"source": f"compiled from {package}", "licence": OWN_LICENCE}
    return [
        *(
            make_entry(data, f"{folder}/{procedural_name(seed)}", **made, seed=seed)
            for seed in held_out_seeds(HELD_OUT_OBJECTS)
        ),
        *(make_entry(data, f"mini/objects/{group}/meta", **split) for group in ("real", "procedural")),
        make_entry(data, "objects/LICENSE-BlendSwap-CC-0.txt", source=package, licence="CC0-1.0"),
        make_entry(data, "objects/LICENSES.json", **compiled),
    ]
