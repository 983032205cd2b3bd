"""Pictures in, assets out: what stands behind `lrm predict` and the chapter on one's own picture."""

from lrm_core.predict.assets import ASSETS, PredictConfig, Prediction, predict_path, predict_picture, write_surface

__all__ = ["ASSETS", "PredictConfig", "Prediction", "predict_path", "predict_picture", "write_surface"]
