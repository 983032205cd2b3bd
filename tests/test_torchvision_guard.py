"""torchvision imports whether or not its compiled extension fits this torch."""

import subprocess
import sys

from lrm_core import torchvision_guard

IMPORT_AND_USE = """
from lrm_core.torchvision_guard import allow_torchvision_import
library = allow_torchvision_import()
import torch, torchvision
torchvision.models.alexnet(weights=None)
boxes = torch.tensor([[0., 0., 1., 1.], [0., 0., 1., 1.]])
try:
    kept = torchvision.ops.nms(boxes, torch.ones(2), 0.5)
except (NotImplementedError, RuntimeError):
    kept = None
assert (kept is None) == (library is not None), (kept, library)
assert allow_torchvision_import() is library
print("imported")
"""


def _run(code: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_torchvision_imports_after_the_guard_and_operators_work_only_where_the_extension_loads():
    result = _run(IMPORT_AND_USE)
    assert result.stdout.strip() == "imported", result.stderr


def test_nothing_is_declared_where_the_extension_loads(monkeypatch):
    monkeypatch.setattr(torchvision_guard, "_extension_loads", lambda: True)
    assert torchvision_guard.allow_torchvision_import.__wrapped__() is None
