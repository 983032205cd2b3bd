"""Sizes of the model: the six published OpenLRM 1.1 presets and our `mini`, as data."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

MINI_NAME = "mini"
HUB_OWNER = "zxhezexin"
OURS = ("vit", "source_size", "render_size")  # keys that OpenLRM's config.json does not have


def _require_positive(owner: object) -> None:
    for field in fields(owner):
        value = getattr(owner, field.name)
        if field.type is int and (type(value) is not int or value < 1):
            raise ValueError(f"{field.name} must be a whole number of at least 1, found {value!r}")


def _require_divisible(width_name: str, width: int, heads_name: str, heads: int) -> None:
    if width % heads:
        raise ValueError(f"{width_name} ({width}) must be a multiple of {heads_name} ({heads})")


@dataclass(frozen=True)
class ViTConfig:
    """Sizes of the image encoder, a DINOv2 vision transformer with registers."""

    embed_dim: int  # token width E
    depth: int  # number of blocks
    num_heads: int  # attention heads, a divisor of `embed_dim`
    patch_size: int = 14  # side of a patch, in pixels
    num_register_tokens: int = 4  # learned tokens that are dropped from the output
    pos_grid: int = 37  # side of the stored grid of patch positions, in patches

    def __post_init__(self) -> None:
        _require_positive(self)
        _require_divisible("vit.embed_dim", self.embed_dim, "vit.num_heads", self.num_heads)


ENCODERS: dict[str, ViTConfig] = {
    "dinov2_vits14_reg": ViTConfig(embed_dim=384, depth=12, num_heads=6),
    "dinov2_vitb14_reg": ViTConfig(embed_dim=768, depth=12, num_heads=12),
}


@dataclass(frozen=True)
class LRMConfig:
    """Sizes of one LRM; the names are those of OpenLRM's `config.json`.

    ValueError if a size is not positive or two sizes contradict each other.
    """

    camera_embed_dim: int  # width of the embedded source camera
    rendering_samples_per_ray: int  # coarse plus fine samples on a ray
    # transformer_dim, transformer_layers and transformer_heads: the plane transformer
    transformer_dim: int
    transformer_layers: int
    transformer_heads: int
    triplane_low_res: int  # side of a plane of tokens
    triplane_high_res: int  # side R of a decoded plane, twice `triplane_low_res`
    triplane_dim: int  # channels C of a plane
    encoder_model_name: str  # name of the encoder; a key of `ENCODERS` fills in its sizes
    encoder_feat_dim: int  # width of the encoder's features, equal to `vit.embed_dim`
    vit: ViTConfig  # sizes of the encoder
    source_size: int  # side of the source image, in pixels
    render_size: int  # side at which the published model renders, in pixels
    encoder_type: str = "dinov2"  # "dinov2", the only type
    encoder_freeze: bool = False  # whether training leaves the encoder untouched

    def __post_init__(self) -> None:
        _require_positive(self)
        _require_divisible("transformer_dim", self.transformer_dim, "transformer_heads", self.transformer_heads)
        _require_divisible("source_size", self.source_size, "vit.patch_size", self.vit.patch_size)
        if self.triplane_high_res != 2 * self.triplane_low_res:
            low, high = self.triplane_low_res, self.triplane_high_res
            raise ValueError(f"triplane_high_res must be twice triplane_low_res ({low}), found {high}")
        if self.encoder_feat_dim != self.vit.embed_dim:
            width = self.vit.embed_dim
            raise ValueError(f"encoder_feat_dim ({self.encoder_feat_dim}) must equal vit.embed_dim ({width})")
        if self.encoder_type != "dinov2":
            raise ValueError(f"encoder_type must be 'dinov2', found {self.encoder_type!r}")

    @classmethod
    def from_openlrm(cls, config: Mapping[str, Any], *, vit: Mapping[str, int] | None = None) -> Self:
        """Build from the keys of OpenLRM's `config.json`, or from `to_dict`; other keys are ignored.

        Where it lacks `source_size` and `render_size`, they are those of the published model with the same sizes,
        else 16 patches. The sizes in `vit` (keys of `ViTConfig`) override those of `encoder_model_name`. ValueError
        if a key is missing, or the encoder is unknown and `vit` does not give its sizes.
        """
        own = {field.name for field in fields(cls)} - set(OURS)
        if missing := sorted(own - {"encoder_type", "encoder_freeze"} - set(config)):
            raise ValueError(f"the model configuration lacks {', '.join(missing)}; found {sorted(config)}")
        encoder = _encoder(config["encoder_model_name"], {**config.get("vit", {}), **(vit or {})})
        sizes = {key: config[key] for key in own if key in config}
        alike = [p for p in PRESETS.values() if all(getattr(p, key) == value for key, value in sizes.items())]
        published = [(p.source_size, p.render_size) for p in alike] or [2 * (16 * encoder.patch_size,)]
        source, render = map(config.get, ("source_size", "render_size"), published[0])
        return cls(**sizes, vit=encoder, source_size=source, render_size=render)

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready values; `from_openlrm` reads them back."""
        return asdict(self)

    def to_openlrm(self) -> dict[str, Any]:
        """The keys of OpenLRM's `config.json`, and of `OURS` those without which they would mean another model."""
        whole = self.to_dict()
        published = {name: value for name, value in whole.items() if name not in OURS}
        try:
            implied = type(self).from_openlrm(published).to_dict()
        except ValueError:  # an encoder that is none of DINOv2's
            implied = {}
        return published | {key: whole[key] for key in OURS if implied.get(key) != whole[key]}

    def what_openlrm_lacks(self) -> str | None:
        """One sentence about what the released format cannot say to OpenLRM itself; None where it says all."""
        extra = [key for key in OURS if key in self.to_openlrm()]
        if not extra:
            return None
        reason = f"OpenLRM ignores {', '.join(extra)} in config.json"
        if "vit" in extra:
            reason += f" and has no encoder {self.encoder_model_name}, so it cannot build this model"
        return f"{reason}; lrm reads it back without loss."


def _encoder(name: str, override: Mapping[str, int]) -> ViTConfig:
    """Sizes of the encoder `name`, with `override` on top."""
    sizes = (asdict(ENCODERS[name]) if name in ENCODERS else {}) | override
    if foreign := sorted(set(sizes) - {field.name for field in fields(ViTConfig)}):
        raise ValueError(f"vit has unknown keys {foreign}; known are {[f.name for f in fields(ViTConfig)]}")
    if missing := sorted({"embed_dim", "depth", "num_heads"} - set(sizes)):
        raise ValueError(f"encoder_model_name {name!r} is not one of {sorted(ENCODERS)}, so vit must give {missing}")
    return ViTConfig(**sizes)


def _published(layers: int, width: int, channels: int, encoder: str, source: int, render: int) -> LRMConfig:
    """One row of the OpenLRM 1.1 table; heads are 64 wide."""
    return LRMConfig(
        camera_embed_dim=1024,
        rendering_samples_per_ray=128 if width == 1024 else 96,
        transformer_dim=width,
        transformer_layers=layers,
        transformer_heads=width // 64,
        triplane_low_res=32,
        triplane_high_res=64,
        triplane_dim=channels,
        encoder_model_name=encoder,
        encoder_feat_dim=ENCODERS[encoder].embed_dim,
        vit=ENCODERS[encoder],
        source_size=source,
        render_size=render,
    )


SMALL = _published(12, 512, 32, "dinov2_vits14_reg", source=224, render=192)
BASE = _published(12, 768, 48, "dinov2_vitb14_reg", source=336, render=288)
LARGE = _published(16, 1024, 80, "dinov2_vitb14_reg", source=448, render=384)

MINI = LRMConfig(
    camera_embed_dim=128,
    rendering_samples_per_ray=64,
    transformer_dim=256,
    transformer_layers=6,
    transformer_heads=4,
    triplane_low_res=16,
    triplane_high_res=32,
    triplane_dim=32,
    encoder_model_name="vit_mini8_reg",
    encoder_feat_dim=256,
    vit=ViTConfig(embed_dim=256, depth=6, num_heads=4, patch_size=8, pos_grid=16),
    source_size=128,
    render_size=128,
)

PRESETS: dict[str, LRMConfig] = {
    f"openlrm-{data}-{size}-1.1": config
    for size, config in {"small": SMALL, "base": BASE, "large": LARGE}.items()
    for data in ("obj", "mix")
} | {MINI_NAME: MINI}
