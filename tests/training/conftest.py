"""What tests of training share."""

from collections.abc import Iterator

import pytest
import torch

from lrm_core.training import pretrain_loss


@pytest.fixture(autouse=True, scope="module")
def _small_validation() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pretrain_loss, "OBJECTS", 2)
        patch.setattr(pretrain_loss, "SIZE", 16)
        yield


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As a process of `lrm pretrain` has; with more, the gradient of LPIPS differs from run to run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
