"""What tests of objects share."""

from pathlib import Path

import pytest
import trimesh


@pytest.fixture
def meshes(tmp_path) -> Path:
    """Two meshes, and a file that is none."""
    folder = tmp_path / "meshes"
    folder.mkdir()
    trimesh.creation.box().export(folder / "box.ply")
    trimesh.creation.icosphere(1).export(folder / "ball.glb")
    (folder / "note.txt").write_text("not a mesh")
    return folder
