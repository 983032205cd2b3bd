"""The command `lrm`: one sentence for each error, no traceback, quick help."""

import errno
import subprocess
import sys

import pytest
import trimesh
from click.testing import CliRunner

from lrm_core import reexecute
from lrm_core.cli import main
from lrm_core.objects import load_object

COMMANDS = """ablate app arms convert distance evaluate finetune ladder models objects oracle pdf plan pool predict
pretrain rank-ablation records render render-objaverse repeat reproduce response ship site spectrum train tto
verdicts"""


def _lrm(*arguments: str):
    return CliRunner().invoke(main, arguments)


def test_help_lists_the_commands():
    result = _lrm("--help")
    assert result.exit_code == 0
    assert all(command in result.stdout for command in COMMANDS.split())


def test_help_imports_neither_torch_nor_papermill():
    code = "import sys, lrm_core.cli; print({'torch', 'papermill', 'pandas', 'plotly'} & set(sys.modules))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["reproduce", "--profile", "tiny"],
            "unknown profile 'tiny'; expected one of smoke, mini, cycles, rehearsal, paper",
        ),
        (["reproduce", "--profile", "smoke", "--notebook", "99"], "no notebook starts with '99'"),
        (["render", "nowhere.glb", "--out", "rendered"], "nowhere.glb"),
        (["verdicts", "--profile", "tiny"], "unknown profile 'tiny'"),
    ],
)
def test_bad_input_is_one_message_and_exit_code_2(arguments, message):
    result = _lrm(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("error", "exit_code", "message"),
    [
        (KeyboardInterrupt(), 130, "Interrupted; finished work is kept."),
        (OSError(errno.ENOSPC, "No space left on device", "a.ipynb"), 2, "Error: no space left on a.ipynb"),
        (FileNotFoundError(errno.ENOENT, "No such file", "weights.safetensors"), 2, "weights.safetensors"),
        (reexecute.ChapterError("01.ipynb, cell 3 failed"), 2, "Error: 01.ipynb, cell 3 failed"),
    ],
)
def test_what_happens_in_a_run_is_one_sentence(monkeypatch, error, exit_code, message):
    def fail(*arguments, **options):
        raise error

    monkeypatch.setattr(reexecute, "reexecute", fail)
    result = _lrm("reproduce", "--profile", "smoke")
    assert result.exit_code == exit_code
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_render_writes_into_the_folder_rendered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trimesh.creation.box().export("box.ply")
    result = _lrm("render", "box.ply", "--views", "2", "--resolution", "8")
    assert result.exit_code == 0, result.output
    assert result.stdout == "rendered: 1 rendered, 0 kept\n"
    assert load_object(tmp_path / "rendered/box").images.shape == (2, 3, 8, 8)


def test_a_defect_of_ours_is_not_hidden(monkeypatch):
    def fail(*arguments, **options):
        raise TypeError("a bug")

    monkeypatch.setattr(reexecute, "reexecute", fail)
    assert isinstance(_lrm("reproduce", "--profile", "smoke").exception, TypeError)
