"""Pictures in, assets out: what stands behind `lrm predict` and the chapter on one's own picture."""

from lrm_core.predict.assets import ASSETS, PredictConfig, Prediction, predict_picture, write_assets, write_surface
from lrm_core.predict.batch import PredictReport, predict_path

__all__ = [
    "ASSETS",
    "PredictConfig",
    "PredictReport",
    "Prediction",
    "predict_path",
    "predict_picture",
    "write_assets",
    "write_surface",
]
