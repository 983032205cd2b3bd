"""A model that trains in moments."""

from dataclasses import replace

from lrm_core.model.config import MINI, ViTConfig

TINY = replace(
    MINI,
    transformer_dim=24,
    transformer_layers=1,
    transformer_heads=2,
    triplane_low_res=4,
    triplane_high_res=8,
    triplane_dim=4,
    camera_embed_dim=8,
    rendering_samples_per_ray=16,
    encoder_feat_dim=24,
    vit=ViTConfig(embed_dim=24, depth=1, num_heads=2, patch_size=8, pos_grid=4),
    source_size=32,
    render_size=32,
)
