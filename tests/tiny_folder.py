"""A tiny model and square objects on disk, for tests of what reads them."""

import os
import subprocess
import sys
from pathlib import Path

import torch

from lrm_core import LRM, LRMConfig
from lrm_core.model.checkpoints import save_checkpoint
from lrm_core.model.config import ViTConfig
from lrm_core.objects import save_object
from lrm_core.objects.dataset import sample_poses

SIZE = 32  # pixels; LPIPS needs as many
TINY = LRMConfig(
    camera_embed_dim=8,
    rendering_samples_per_ray=8,
    transformer_dim=16,
    transformer_layers=1,
    transformer_heads=2,
    triplane_low_res=8,
    triplane_high_res=16,
    triplane_dim=4,
    encoder_model_name="tiny",
    encoder_feat_dim=16,
    vit=ViTConfig(embed_dim=16, depth=1, num_heads=2, patch_size=8, pos_grid=4),
    source_size=SIZE,
    render_size=SIZE,
)


def save_tiny(path: Path) -> None:
    """Write the tiny model with random weights, the same every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        save_checkpoint(LRM(TINY), path, dtype=torch.float32)


def save_square(folder: Path, seed: int, views: int) -> None:
    """Write an object that is a square of one colour and opacity in every view."""
    generator = torch.Generator().manual_seed(seed)
    rgba = torch.zeros(views, 4, SIZE, SIZE)
    rgba[:, :, 8:24, 8:24] = torch.rand(1, 4, 1, 1, generator=generator)
    intrinsics = torch.tensor([[0.75 * SIZE] * 2, [SIZE / 2] * 2, [float(SIZE)] * 2])
    save_object(folder, rgba, sample_poses(generator, views), intrinsics)


def launched(folder: Path, *arguments: str | Path) -> str:
    """What `lrm` prints as two processes of `accelerate launch` on the CPU.

    `accelerate launch --cpu` starts several processes through MPI alone; `--multi_gpu` starts them through
    torchrun, and the environment keeps them on the CPU.
    """
    script, say = (
        folder / "lrm.py",
        "sys.stdout.write(f'rank {os.environ[\"RANK\"]}\\n')",
    )  # no other cuts it in two
    script.write_text(f"import os, sys\nfrom lrm_core.cli import main\n{say}\nmain()\n")
    alone = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
    launch = ["--multi_gpu", "--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no"]
    launch += ["--dynamo_backend", "no", "--main_process_port", "0", script]
    command = [Path(sys.executable).parent / "accelerate", "launch", *launch, *arguments]
    done = subprocess.run(command, env=os.environ | alone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
