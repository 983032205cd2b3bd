import threading

import pytest
import torch

from lrm_core.render.field import side_by_side


@pytest.fixture(params=[1, 2])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_come_in_the_order_of_the_calls(threads):
    assert side_by_side(lambda a, b: a - b, [(k, 1) for k in range(20)]) == list(range(-1, 19))


def test_pieces_run_at_once_with_a_core_each_and_without_gradients():
    torch.set_num_threads(2)
    meet = threading.Barrier(2, timeout=20)  # broken, and the test with it, unless two run at once

    def piece(_):
        meet.wait()
        return torch.get_num_threads(), torch.is_grad_enabled()

    assert side_by_side(piece, [(0,), (1,)]) == [(1, False)] * 2
    assert torch.get_num_threads() == 2
    assert torch.is_grad_enabled()


def test_an_error_in_a_piece_is_raised_and_the_threads_are_as_before(threads):
    def fail(value):
        raise ValueError(f"piece {value}")

    with pytest.raises(ValueError, match="piece 0"):
        side_by_side(fail, [(0,), (1,)])
    assert torch.get_num_threads() == threads
