"""How the model was trained, from the curve in the repository."""

from lrm_core.show.model import model_training


def test_the_curve_is_that_of_the_embedded_model():
    figure = model_training.training_curve()
    assert len(figure.data) == 2
    assert "dB" in figure.layout.meta["alt"]
    assert "objects, each once" in model_training.training_sentence()


def test_training_pictures_are_named(monkeypatch):
    monkeypatch.setattr(model_training, "TRAINING_OBJECTS", 2)
    html = model_training.training_pictures()
    assert html.count("<img") == 2
    assert "training object: 1" in html
