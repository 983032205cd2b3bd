"""The format of rendered objects: what is written comes back, and every fault is named."""

import errno
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lrm_core.objects import RenderedObject, load_object, load_split, save_object, split_names
from lrm_core.objects.dataset import sample_poses
from lrm_core.objects.files import object_folders, write_splits
from lrm_core.render.cameras import canonical_pose

VIEWS, HEIGHT, WIDTH = 3, 6, 8
INTRINSICS = torch.tensor([[6.0, 6.0], [4.0, 3.0], [WIDTH, HEIGHT]])


def make_rgba(seed=0):
    levels = torch.randint(0, 256, (VIEWS, 4, HEIGHT, WIDTH), generator=torch.Generator().manual_seed(seed))
    return levels.float() / 255


def make_poses(seed=0, views=VIEWS):
    return sample_poses(torch.Generator().manual_seed(seed), views)


@pytest.fixture
def folder(tmp_path):
    save_object(tmp_path / "vase", make_rgba(), make_poses(), INTRINSICS)
    return tmp_path / "vase"


def test_round_trip(folder):
    rgba, found = make_rgba(), load_object(folder)
    assert found.name == "vase"
    alpha = rgba[:, 3:]
    torch.testing.assert_close(found.images, rgba[:, :3] * alpha + 1 - alpha, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.masks, alpha, rtol=0, atol=1e-6)
    assert torch.equal(found.poses, make_poses())
    assert torch.equal(found.intrinsics, INTRINSICS)


def test_layout_on_disk(folder):
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    views = {f"{part}/{i:03d}.{kind}" for i in range(VIEWS) for part, kind in (("rgba", "png"), ("pose", "npy"))}
    assert names == views | {"intrinsics.npy"}
    assert np.load(folder / "pose/001.npy").dtype == np.float32
    np.testing.assert_array_equal(np.load(folder / "intrinsics.npy"), INTRINSICS.numpy())
    with Image.open(folder / "rgba/000.png") as image:
        assert image.size == (WIDTH, HEIGHT)


def test_cameras_start_with_the_canonical_one(folder):
    found = load_object(folder)
    away = float(found.poses[0, :, 3].norm())
    source = found.source_camera()
    assert source.shape == (1, 16)
    torch.testing.assert_close(source[0, :12].view(3, 4), canonical_pose(away), rtol=0, atol=1e-5)
    torch.testing.assert_close(source[0, 12:], torch.tensor([6 / WIDTH, 6 / HEIGHT, 0.5, 0.5]))
    torch.testing.assert_close(found.cameras()[0, :12].view(3, 4), canonical_pose(away), rtol=0, atol=1e-5)


def test_views_pick_images_and_cameras(folder):
    found = load_object(folder)
    views = found.views([2, 0])
    assert torch.equal(views.images, found.images[[2, 0]])
    assert torch.equal(views.cameras, found.cameras()[[2, 0]])
    with pytest.raises(ValueError, match=r"vase: no view 3, the object has views 0 to 2"):
        found.views([0, 3])


def _png(name, mode="RGBA", size=(WIDTH, HEIGHT)):
    return lambda folder: Image.new(mode, size).save(folder / "rgba" / f"{name}.png")


def _array(name, change):
    return lambda folder: np.save(folder / name, change(np.load(folder / name)))


def _entry(name, place, value):
    """Another number at a place of a stored array."""

    def change(array):
        array[place] = value
        return array

    return _array(name, change)


def _gone(*names):
    return lambda folder: [path.unlink() for name in names for path in folder.glob(name)]


def _bytes(name, change):
    return lambda folder: (folder / name).write_bytes(change((folder / name).read_bytes()))


POSE, IMAGE, CAMERA = "pose/001.npy", "rgba/001.png", "intrinsics.npy"
FAULTS = [
    (_gone(IMAGE), r"rgba/001\.png: missing view"),
    (_gone(POSE), r"pose/001\.npy: missing pose"),
    (_gone("rgba/000.png", "pose/000.npy"), r"rgba/000\.png: missing view; views are numbered from 000"),
    (_gone("rgba/*", "pose/*"), r"vase: no views"),
    (_gone(CAMERA), r"intrinsics\.npy: no such file"),
    (_png("000", size=(WIDTH + 1, HEIGHT)), r"001\.png: size 8x6, but 000\.png has 9x6"),
    (_entry(CAMERA, (2, 0), 9), r"000\.png: size 8x6, but intrinsics\.npy says 9x6"),
    (_png("001", "RGB"), r"001\.png: expected RGBA, found RGB"),
    (_bytes(IMAGE, lambda content: content[:-30]), r"001\.png: corrupt or not a PNG"),
    (_array(POSE, lambda p: p * [1.01, 1.01, 1.01, 1]), r"001\.npy: the pose is not rigid.*0\.02"),
    (_array(POSE, lambda p: p * [-1, 1, 1, 1]), r"001\.npy: the pose is a reflection"),
    (_entry(POSE, (0, 3), np.nan), r"001\.npy: the pose holds NaN"),
    (_array(POSE, lambda _: np.eye(4)), r"001\.npy.*\(3, 4\), found \(4, 4\)"),
    (_array(POSE, lambda _: np.array(["a"])), r"expected real numbers"),
    (_bytes(POSE, lambda content: content[:-30]), r"001\.npy: not a readable \.npy"),
    (_array(CAMERA, lambda _: np.eye(3)), r"intrinsics\.npy: expected shape \(3, 2\), found \(3, 3\)"),
    (_entry(CAMERA, (0, 1), 0), r"focal lengths must be positive"),
    (_entry(CAMERA, (1, 1), np.nan), r"intrinsics hold NaN"),
    (_entry(CAMERA, (2, 0), 7.5), r"positive whole numbers, found \[7\.5"),
]


@pytest.mark.parametrize(("spoil", "message"), FAULTS)
def test_every_fault_is_named(folder, spoil, message):
    spoil(folder)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as caught:
        load_object(folder)
    assert str(folder) in str(caught.value)


BAD_INPUT = {
    "channels": (dict(rgba=torch.zeros(VIEWS, 3, HEIGHT, WIDTH)), r"expected rgba \(V, 4, H, W\)"),
    "counts": (dict(poses=make_poses(views=2)), r"found \(3, 4, 6, 8\) and \(2, 3, 4\)"),
    "range": (dict(rgba=make_rgba() + 0.1), r"finite and in \[0, 1\]"),
    "NaN": (dict(rgba=make_rgba().fill_(torch.nan)), r"finite and in \[0, 1\]"),
    "size": (dict(intrinsics=torch.tensor([[6.0, 6], [4, 3], [6, 8]])), r"images are 8x6, intrinsics say 6x8"),
    "pose": (dict(poses=make_poses() * 2), r"pose/000\.npy: the pose is not rigid"),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_nothing_is_written_from_bad_input(tmp_path, name):
    change, message = BAD_INPUT[name]
    arguments = dict(rgba=make_rgba(), poses=make_poses(), intrinsics=INTRINSICS) | change
    with pytest.raises(ValueError, match=message):
        save_object(tmp_path / "vase", **arguments)
    assert not list(tmp_path.iterdir())


def test_existing_object_is_not_overwritten(folder):
    with pytest.raises(FileExistsError, match=r"vase: exists already"):
        save_object(folder, make_rgba(1), make_poses(), INTRINSICS)
    torch.testing.assert_close(load_object(folder).masks, make_rgba()[:, 3:], rtol=0, atol=1e-6)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_interrupted_write_leaves_nothing(tmp_path, monkeypatch, error):
    written, save_array = [], np.save

    def fail_late(path, array):
        written.append(path)
        if len(written) == VIEWS:
            raise error
        save_array(path, array)

    monkeypatch.setattr("lrm_core.objects.dataset.np.save", fail_late)
    with pytest.raises(type(error)):
        save_object(tmp_path / "vase", make_rgba(), make_poses(), INTRINSICS)
    assert len(written) == VIEWS
    assert not list(tmp_path.iterdir())


@pytest.fixture
def root(tmp_path):
    names = [f"object_{index}" for index in range(5)]
    for index, name in enumerate(names):
        save_object(tmp_path / name, make_rgba(index), make_poses(index), INTRINSICS)
    write_splits(tmp_path, names, seed=0)
    return tmp_path


@settings(max_examples=20, deadline=None)
@given(count=st.integers(2, 40), seed=st.integers(0, 1000))
def test_splits_are_disjoint_and_do_not_depend_on_order(tmp_path_factory, count, seed):
    folder, names = tmp_path_factory.mktemp("splits"), [f"o{index}" for index in range(count)]
    write_splits(folder, names, seed)
    first = {split: split_names(folder, split) for split in ("all", "train", "val")}
    write_splits(folder, names[::-1], seed)
    assert first == {split: split_names(folder, split) for split in ("all", "train", "val")}
    assert not set(first["train"]) & set(first["val"])
    assert set(first["train"]) | set(first["val"]) == set(first["all"]) == set(names)
    assert abs(len(first["val"]) - count / 5) <= 0.6


def test_objects_are_found_alone_and_in_a_folder_in_order_of_name(root, tmp_path_factory):
    save_object(root / ".half-written", make_rgba(), make_poses(), INTRINSICS)
    assert object_folders(root) == [root / f"object_{index}" for index in range(5)]
    assert object_folders(root / "object_3") == [root / "object_3"]
    with pytest.raises(FileNotFoundError, match=r"render some with `lrm render`"):
        object_folders(tmp_path_factory.mktemp("empty"))


def test_split_faults(root):
    with pytest.raises(ValueError, match=r"unknown split 'test'; choose one of all, train, val"):
        load_split(root, "test")
    path = root / "meta/val_uids.json"
    path.write_text("[")
    with pytest.raises(ValueError, match=r"val_uids\.json: not readable as JSON"):
        load_split(root, "val")
    for faulty in ({"a": 1}, [1], ["../elsewhere"], [".."], ["a/b"]):
        path.write_text(json.dumps(faulty))
        with pytest.raises(ValueError, match=r"val_uids\.json: expected a list of folder names"):
            load_split(root, "val")
    path.write_text('["gone"]')
    with pytest.raises(FileNotFoundError, match=r"gone: no such folder"):
        load_split(root, "val")
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"val_uids\.json: no such list"):
        load_split(root, "val")


def test_the_first_views_keep_their_cameras(folder):
    item = load_object(folder)
    few = item.first(2)
    assert len(few.images) == len(few.masks) == len(few.poses) == 2
    torch.testing.assert_close(few.cameras(), item.cameras()[:2])
    assert len(item.first(None).images) == len(item.images)


def square(side=8):
    images = torch.rand(VIEWS, 3, side, side, generator=torch.Generator().manual_seed(0))
    intrinsics = torch.tensor([[6.0, 6.0], [side / 2, side / 2], [side, side]])
    return RenderedObject("vase", images, images[:, :1], make_poses(), intrinsics)


def test_an_averaged_pixel_is_the_mean_of_those_it_covers():
    whole = square()
    half = whole.averaged(4)
    blocks = whole.images.reshape(VIEWS, 3, 4, 2, 4, 2)
    torch.testing.assert_close(half.images, blocks.mean((3, 5)))
    torch.testing.assert_close(half.masks, half.images[:, :1])
    assert half.intrinsics.tolist() == [[3, 3], [2, 2], [4, 4]]


@pytest.mark.parametrize("side", [3, 16])
def test_a_size_that_does_not_divide_is_refused(side):
    with pytest.raises(ValueError, match=f"vase: images of 8x8 pixels cannot be averaged to {side}x{side}"):
        square().averaged(side)
