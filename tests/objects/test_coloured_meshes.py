"""Colours at the vertices of a file come back with the mesh, beside a material too."""

import numpy as np
import pytest

from lrm_core.objects.mesh import load_mesh
from lrm_core.objects.mesh_files import write_mesh


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply"])
def test_written_colours_are_read_again(tmp_path, suffix):
    vertices = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    faces = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
    colours = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.25], [0.8, 0.8, 0.0], [0.3, 0.6, 0.9]])
    write_mesh(tmp_path / f"tetrahedron{suffix}", vertices, faces, colours)
    read = load_mesh(tmp_path / f"tetrahedron{suffix}").colours
    assert read.shape == (4, 3, 4)
    np.testing.assert_allclose(read[..., :3], colours[faces], atol=0.02)
    assert (read[..., 3] == 1).all()
