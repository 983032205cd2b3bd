"""Every loader on files with flipped bits, cuts and odd values: a result, or one sentence that names the file.

Files with a checksum are refused wherever their content changed.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lrm_core.atomic import save_tensors
from lrm_core.fit.oracle import OracleFit
from lrm_core.fit.runs import Rows, claim_folder, read_training_checkpoint
from lrm_core.measure.oracles import load_oracle, save_oracle
from lrm_core.model.checkpoints import load_model, save_checkpoint, save_release
from lrm_core.model.config import MINI
from lrm_core.model.lrm import LRM
from lrm_core.objects import load_object
from lrm_core.objects.build import read_manifest
from lrm_core.objects.files import check_intrinsics, check_pose, read_array, read_names, read_rgba
from lrm_core.objects.pictures import load_picture
from lrm_core.paths import data_dir
from lrm_core.records.provenance import Provenance
from lrm_core.records.store import RecordKey, ResultStore
from lrm_core.training.upstream.config import read_train_config

ROUNDS = 24  # of each kind of file
ODD = (
    b"NaN",
    b"null",
    b'"x"',
    b"[[[[",
    b"{}",
    b"-1",
    b"1e999",
    b"\xff\xfe",
    b"\0",
    b"",
    b"99999999999999999999",
)


@dataclass(frozen=True)
class Kind:
    """A kind of file: how a good one is made, how it is read, and whether a checksum covers it."""

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], object]
    whole: bool = False


def damaged(content: bytes, draw: random.Random) -> bytes:
    """The content with one flipped bit, cut, with a part doubled, or with an odd value in place of a part."""
    place, end = sorted(draw.choices(range(len(content) + 1), k=2))
    match draw.randrange(4):
        case 0:
            place = min(place, len(content) - 1)
            return content[:place] + bytes([content[place] ^ 1 << draw.randrange(8)]) + content[place + 1 :]
        case 1:
            return content[:place]
        case 2:
            return content[:end] + content[place:]
    return content[:place] + draw.choice(ODD) + content[place + draw.randrange(1, 9) :]


def _picture(path: Path) -> None:
    image = Image.new("RGB", (96, 96), "white")
    image.paste((200, 30, 30), (32, 32, 64, 64))
    image.save(path)


KEY = RecordKey("e05", "chair", 0, "weights", "images", {"lr": 0.01})
STORED = Provenance("smoke", "abc", {"cores": 2}, 1.5)


def _record(path: Path) -> None:
    made = ResultStore(path.parents[1]).put(KEY, {"low": 0.25, "high": [0.5, 0.75]}, STORED)
    assert made == path


def _released(path: Path) -> None:
    save_release(LRM(MINI), path.parent / "released")
    (path.parent / "released").rename(path.parent / "model")
    path.write_bytes((path.parent / "model/config.json").read_bytes())


def _model_of(path: Path) -> LRM:
    place = path.parent / "model/config.json"
    place.write_bytes(path.read_bytes())
    return load_model(place.parent)


def _object(path: Path) -> None:
    data = data_dir() / "mini/objects/real/cc0_couch"
    folder = path.parent / "couch"
    for part in ("rgba/000.png", "pose/000.npy", "intrinsics.npy"):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        (folder / part).write_bytes((data / part).read_bytes())
    path.write_bytes((folder / "pose/000.npy").read_bytes())


def _object_of(path: Path) -> object:
    folder = path.parent / "couch"
    (folder / "pose/000.npy").write_bytes(path.read_bytes())
    return load_object(folder)


def _rows(path: Path) -> list[float]:
    return Rows(path, ("step", "loss"), 3).numbers("loss")


def _text(text: str) -> Callable[[Path], None]:
    return lambda path: path.write_text(text)


def _copy(name: str) -> Callable[[Path], None]:
    return lambda path: path.write_bytes((data_dir() / name).read_bytes())


def _oracle(path: Path) -> None:
    save_oracle(path, OracleFit(torch.randn(3, 2, 4, 4), {"step": [1]}))


def _state(path: Path) -> None:
    save_tensors(path, {"a": torch.randn(4)}, {"step": "3"})


KINDS = [
    Kind("a.png", lambda p: Image.effect_noise((9, 9), 50).convert("RGBA").save(p), read_rgba, whole=True),
    Kind("b.png", _picture, load_picture, whole=True),
    Kind("b.jpg", _picture, load_picture),
    Kind("b.webp", _picture, load_picture),
    Kind(
        "pose.npy",
        lambda p: np.save(p, np.eye(3, 4, dtype=np.float32)),
        lambda p: check_pose(p, read_array(p)),
    ),
    Kind("k.npy", lambda p: np.save(p, np.ones((3, 2))), lambda p: check_intrinsics(p, read_array(p))),
    Kind("000.npy", _object, _object_of),
    Kind("all_uids.json", _text('["a", "b"]'), read_names),
    Kind(
        "MANIFEST.json",
        lambda p: p.write_bytes((data_dir() / p.name).read_bytes()),
        lambda p: read_manifest(p.parent),
    ),
    Kind("chair-s0.json", _record, lambda p: list(ResultStore(p.parents[1]).records("e05")), whole=True),
    Kind("o.safetensors", _oracle, load_oracle, True),
    Kind("s.safetensors", _state, read_training_checkpoint, True),
    Kind("m.safetensors", lambda p: save_checkpoint(LRM(MINI), p), load_model),
    Kind("config.json", _released, _model_of),
    Kind("losses.csv", _text("step,loss\n1,0.5\n2,0.25\n3,0.125\n"), _rows),
    Kind("run.json", _text('{"lr": 1}'), lambda p: claim_folder(p, {"lr": 1})),
    Kind("t.yaml", _copy("mini/train-tiny.yaml"), read_train_config),
]


def _same(value: object, other: object) -> bool:
    if isinstance(value, list):  # of records, whose fields may come in another order
        return value == other
    return repr(value) == repr(other)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_damaged_file_gives_a_result_or_a_sentence_with_its_name(tmp_path: Path, kind: Kind) -> None:
    path = tmp_path / "e05" / kind.name
    path.parent.mkdir()
    kind.make(path)
    content, good = path.read_bytes(), kind.read(path)
    draw, faults = random.Random(kind.name), []
    rounds = 6 if kind.name == "m.safetensors" else ROUNDS
    for _ in range(rounds):
        changed = damaged(content, draw)
        path.write_bytes(changed)
        try:
            read = kind.read(path)
        except (ValueError, FileNotFoundError) as error:
            if kind.name not in str(error):
                faults.append(f"no name: {error}")
        except Exception as error:
            faults.append(f"{error!r} at {changed[:80]!r}")
        else:
            if kind.whole and not _same(read, good):
                faults.append(f"changed unnoticed: {changed[:200]!r}")
    assert not faults, "\n".join(faults)
