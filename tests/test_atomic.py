"""A write that the system refuses: one error that names the file, and the old file stays."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lrm_core.atomic import alone, appearing, replacing

WRITES = """
import errno, resource, signal, sys
from pathlib import Path

import torch

from lrm_core.fit.oracle import OracleFit
from lrm_core.measure.oracles import save_oracle
from lrm_core.fit.runs import TrainingState
from lrm_core.model.checkpoints import save_checkpoint
from lrm_core.model.config import MINI
from lrm_core.model.lrm import LRM

model, path = LRM(MINI), Path(sys.argv[1])
state = TrainingState(model, [torch.optim.SGD(model.parameters())])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
for save in (
    lambda: save_checkpoint(model, path),
    lambda: state.save(path),
    lambda: save_oracle(path, OracleFit(torch.zeros(3, 8, 32, 32), {})),
):
    try:
        save()
    except OSError as error:
        print(errno.errorcode[error.errno], error)
"""


def test_tensors_that_do_not_fit_leave_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "some.safetensors"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", WRITES, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refused = f"EFBIG [Errno 27] could not write it (File too large); nothing was changed: '{path}'"
    assert done.stdout.splitlines() == [refused] * 3
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [(path.name, b"old")]


def test_an_error_of_something_else_is_not_blamed_on_the_file(tmp_path: Path) -> None:
    """Neither a file that the block reads in vain, nor an error that the system did not raise."""
    path = tmp_path / "out.csv"
    with pytest.raises(FileNotFoundError) as missing, replacing(path) as temporary:
        shutil.copyfile(tmp_path / "source.csv", temporary)
    assert Path(missing.value.filename).name == "source.csv"
    with pytest.raises(OSError, match=r"^ffmpeg died$"), replacing(path):
        raise OSError("ffmpeg died")
    (tmp_path / "folder").mkdir()
    with (
        pytest.raises(OSError, match=r"could not write it .* '.*folder'"),
        replacing(tmp_path / "folder") as new,
    ):
        new.write_text("x")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def _gone() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_runs_that_are_gone_left_is_removed_and_what_others_write_is_not(tmp_path: Path) -> None:
    left, other = tmp_path / f".a.{_gone()}.tmp", tmp_path / f".b.{os.getppid()}.tmp"
    left.mkdir()
    other.touch()
    with appearing(tmp_path / "a") as temporary:
        (temporary / "x").touch()
    with replacing(tmp_path / "b") as temporary:
        temporary.touch()
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b", other.name}


def test_a_folder_that_appeared_meanwhile_is_named_and_stays(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x").touch()
    with pytest.raises(FileExistsError, match="a: appeared while it was made"), appearing(tmp_path / "a"):
        other.rename(tmp_path / "a")
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "x"]


WAITS = """
import sys
from pathlib import Path

from lrm_core.atomic import alone

with alone(Path(sys.argv[1])):
    print(Path(sys.argv[2]).exists())
"""


@pytest.mark.parametrize("name", ["folder", "one.lock"])
def test_the_second_waits_for_the_first_and_says_so(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    place, done = tmp_path / name, tmp_path / "done"
    with alone(place):
        second = subprocess.Popen(
            [sys.executable, "-c", WAITS, place, done],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr.readline() == f"{place}: another run works on it; waiting for that to end\n"
        done.touch()
    assert second.communicate()[0] == "True\n"
    assert not (tmp_path / "one.lock").exists()
