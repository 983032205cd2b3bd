"""What is installed before anything is there: which torch, and what is said meanwhile."""

import pytest

from lrm_core.cli import install

LOCK = install.locked("# a comment\nnumpy==2.1.0\ntorch==2.13.0\ntorchvision==0.28.0\n")
CPU = ["torch==2.13.0+cpu", "torchvision==0.28.0+cpu"]
OTHER_INDEX = ("--extra-index-url", install.CPU_INDEX)


@pytest.mark.parametrize(
    ("offered", "asked"),
    [
        ({(name, ()) for name in CPU}, CPU),
        ({(name, OTHER_INDEX) for name in CPU}, [*OTHER_INDEX, *CPU]),
        ({(CPU[0], ())}, CPU[:1]),
        (set(), []),
    ],
    ids=["index of the user", "index of PyTorch", "torch alone", "nowhere"],
)
def test_the_cpu_build_is_asked_for_where_it_is_offered(offered, asked):
    found = install.cpu_build(LOCK, lambda wanted, options: (wanted, tuple(options)) in offered)
    assert found == asked


@pytest.mark.parametrize(
    ("system", "driver", "installed", "said"),
    [
        ("Linux", False, CPU, "CPU build, without CUDA"),
        ("Linux", True, None, "torch with CUDA"),
        ("Darwin", False, None, "for this system"),
    ],
)
def test_which_torch_follows_from_the_machine_and_is_said(monkeypatch, system, driver, installed, said):
    calls = []
    monkeypatch.setattr(install.platform, "system", lambda: system)
    monkeypatch.setattr(install, "has_nvidia_driver", lambda: driver)
    monkeypatch.setattr(install, "_offers", lambda wanted, options: True)
    monkeypatch.setattr(install, "_install", lambda arguments, total: calls.append(arguments))
    assert said in install._install_cpu_torch(LOCK)
    assert calls == ([["--no-deps", *installed]] if installed else [])


def test_progress_counts_each_package_once():
    lines = ["Collecting numpy==2.1.0\n", "  Using cached numpy\n", "Collecting numpy==2.1.0\n"]
    lines += ["Requirement already satisfied: torch==2.13.0 in somewhere\n"]
    lines += ["Installing collected packages: numpy, torch\n"]
    expected = ["1/3 numpy==2.1.0", "1/3 numpy==2.1.0", "2/3 torch==2.13.0", "unpacking 2 packages"]
    assert list(install.progress(lines, 3)) == expected
