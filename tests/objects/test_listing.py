"""Which folders are rendered objects."""

import pytest

from lrm_core.objects.splits import PARTS, object_folders


def _object(folder, *parts):
    for part in parts:
        (folder / part).mkdir(parents=True)
    return folder


def test_objects_are_found_alone_and_in_a_folder_in_order_of_name(tmp_path):
    cup, bowl = (_object(tmp_path / name, *PARTS) for name in ("cup", "bowl"))
    _object(tmp_path / "meta")
    _object(tmp_path / ".half-written", *PARTS)
    assert object_folders(tmp_path) == [bowl, cup]
    assert object_folders(cup) == [cup]


def test_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"render some with `lrm render`"):
        object_folders(tmp_path)
