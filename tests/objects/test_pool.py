"""A pool of two tiny meshes: what it holds, what it leaves out, and how it is resumed."""

import hashlib
import json

import pytest
import torch
import trimesh
from click.testing import CliRunner

from lrm_core.cli.data import pool as command
from lrm_core.objects import pool as module
from lrm_core.objects.mesh_render import render_mesh
from lrm_core.objects.pool import FAULTS, INDEX, Credit, Pool, evaluated_meshes, held_out, render_pool
from lrm_core.paths import data_dir

SMALL = {"views": 4, "resolution": 16}


@pytest.fixture
def data(tmp_path):
    """A data folder that evaluates on one mesh."""
    (tmp_path / "data/objects").mkdir(parents=True)
    facts = {"objects": {"cc0_redCup": {"sha256": hashlib.sha256(_mesh(0.3)).hexdigest()}}}
    (tmp_path / "data/objects/LICENSES.json").write_text(json.dumps(facts))
    return tmp_path / "data"


@pytest.fixture
def meshes(tmp_path):
    """Two boxes, one with an author."""
    folder = tmp_path / "meshes"
    folder.mkdir()
    (folder / "Shelf__box.glb").write_bytes(_mesh(1.0))
    (folder / "slab.glb").write_bytes(_mesh(0.5))
    facts = {"file": "slab.glb", "name": "Slab", "author": "A. Mason"}
    facts |= {"licence": "CC BY 3.0", "library": "Yard"}
    (folder / INDEX).write_text(json.dumps([facts]))
    return folder


def _mesh(depth: float) -> bytes:
    return trimesh.creation.box((1.0, 1.0, depth)).export(file_type="glb")


def test_the_pool_holds_the_views_of_the_renderer(tmp_path, data, meshes):
    report = render_pool(meshes, tmp_path / "pool", data, **SMALL)
    assert report.rendered == ["Shelf__box.glb", "slab.glb"]
    pool = Pool(tmp_path / "pool")
    assert (len(pool), pool.views, pool.resolution) == (2, 4, 16)
    for item, mesh in zip(pool, ("Shelf__box", "slab"), strict=True):
        rgba = render_mesh(meshes / f"{mesh}.glb", item.poses, 16).rgba.movedim(1, -1)
        torch.testing.assert_close(item.rgba.float() / 255, rgba, atol=0.51 / 255, rtol=0)
        assert item.rgba.dtype == torch.uint8
    assert not torch.equal(pool[0].poses, pool[1].poses)
    assert pool.credits == [Credit(), Credit("Slab", "A. Mason", "CC BY 3.0", "Yard")]


def test_finished_objects_are_kept_and_changed_or_damaged_ones_made_again(tmp_path, data, meshes, monkeypatch):
    render_pool(meshes, tmp_path / "pool", data, **SMALL)
    before = Pool(tmp_path / "pool").digest
    monkeypatch.setattr(module, "render_mesh", lambda *_: pytest.fail("rendered again"))
    assert len(render_pool(meshes, tmp_path / "pool", data, **SMALL).kept) == 2
    assert Pool(tmp_path / "pool").digest == before
    monkeypatch.undo()
    (meshes / "slab.glb").write_bytes(_mesh(0.7))
    (tmp_path / "pool/Shelf__box.safetensors").write_bytes(b"damaged")
    assert len(render_pool(meshes, tmp_path / "pool", data, **SMALL).rendered) == 2
    assert Pool(tmp_path / "pool").digest != before


@pytest.mark.parametrize(
    ("name", "depth", "reason"),
    [
        ("anything.glb", 0.3, "is an evaluated mesh"),
        ("redcup.glb", 1.0, "has the name of an evaluated mesh"),
        ("cc0_redCup.glb", 1.0, "has the name of an evaluated mesh"),
        ("Shelf__redCup.glb", 1.0, "has the name of an evaluated mesh"),
        ("Scopia__desk.glb", 1.0, "the library Scopia is for evaluation"),
    ],
)
def test_what_is_evaluated_is_left_out_by_digest_and_by_name(tmp_path, data, meshes, name, depth, reason):
    (meshes / name).write_bytes(_mesh(depth))
    report = render_pool(meshes, tmp_path / "pool", data, **SMALL)
    assert report.left_out == {name: reason}
    assert len(Pool(tmp_path / "pool")) == 2


def test_every_evaluated_mesh_of_the_project_is_held_out_under_any_of_its_names():
    evaluated = evaluated_meshes(data_dir())
    paths = sorted((data_dir() / "objects/glb").glob("*.glb"))
    assert len(paths) == len(evaluated)
    for path in paths:
        name = path.stem.removeprefix("cc0_")
        assert held_out(evaluated, "renamed", hashlib.sha256(path.read_bytes()).hexdigest())
        for stem in (path.stem, name, f"BlendSwap-CC-0__{name}"):
            assert held_out(evaluated, stem, "converted again")
    assert held_out(evaluated, "desk", "", "Scopia")
    assert held_out(evaluated, "desk", "", "KatorLegaz") is None


def test_faults_are_listed_and_the_others_go_on(tmp_path, data, meshes, monkeypatch):
    (meshes / "broken.glb").write_bytes(b"not a mesh")
    monkeypatch.setattr("lrm_core.paths.data_dir", lambda: data)
    arguments = [str(meshes), "--out", str(tmp_path / "pool"), "--views", "4", "--resolution", "16"]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    assert "2 rendered, 0 kept, 0 left out for evaluation, 1 failed" in result.stdout
    assert "broken.glb: " in result.stderr
    assert list(json.loads((tmp_path / "pool" / FAULTS).read_text())) == ["broken.glb"]


def test_no_meshes_no_pool_and_a_mixed_pool_are_errors(tmp_path, data, meshes):
    with pytest.raises(FileNotFoundError, match=r"nowhere: no GLB files"):
        render_pool(tmp_path / "nowhere", tmp_path / "pool", data)
    with pytest.raises(FileNotFoundError, match=r"nowhere: no rendered objects; make them with `lrm pool`"):
        Pool(tmp_path / "nowhere")
    render_pool(meshes, tmp_path / "pool", data, **SMALL)
    (meshes / "slab.glb").unlink()
    render_pool(meshes, tmp_path / "pool", data, views=3, resolution=16)
    with pytest.raises(ValueError, match="found 3 views of 16 pixels, 4 views of 16 pixels"):
        Pool(tmp_path / "pool")
    (meshes / INDEX).write_text("{]")
    with pytest.raises(ValueError, match=r"index\.json: expected a list of objects with the key file"):
        render_pool(meshes, tmp_path / "pool", data)


def test_a_mesh_that_nobody_can_see_is_a_fault(tmp_path, data, meshes, monkeypatch):
    empty = type("Views", (), {"rgba": torch.zeros(4, 4, 16, 16)})
    monkeypatch.setattr(module, "render_mesh", lambda *_: empty)
    failed = render_pool(meshes, tmp_path / "pool", data, **SMALL).failed
    assert "no level view shows the object on 1% of its pixels" in failed["slab.glb"]
