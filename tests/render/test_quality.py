import torch

from lrm_core.render.quality import BEST_PSNR, psnr, psnr_of


def test_psnr_of_known_errors() -> None:
    target = torch.zeros(2, 3, 4, 4)
    pred = target + torch.tensor([0.1, 0.01]).view(2, 1, 1, 1)
    torch.testing.assert_close(psnr(pred, target), torch.tensor([20.0, 40.0]))
    torch.testing.assert_close(psnr_of(torch.tensor(0.1)), torch.tensor(10.0))


def test_equal_images_have_the_best_psnr() -> None:
    image = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert psnr(image, image).tolist() == [BEST_PSNR] * 2
