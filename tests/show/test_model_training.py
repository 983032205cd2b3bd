"""How the model was trained, from the curve in the repository."""

from lrm_core.show.model import model_training


def test_the_curve_is_that_of_the_embedded_model():
    figure = model_training.training_curve()
    assert len(figure.data) == 2
    assert "dB" in figure.layout.meta["alt"]
    assert "It was shown objects 288,000 times in 8.6 minutes" in model_training.training_sentence()


def test_the_card_is_shown_row_by_row():
    card = model_training.training_card()
    assert card.count("<li>") == len(model_training.CARD_ROWS)
    assert (
        "<b>data</b>: 288,000 objects: each, with a probability of 20%, one of 382 meshes of a pool" in card
    )


def test_training_pictures_are_named(monkeypatch):
    monkeypatch.setattr(model_training, "TRAINING_OBJECTS", 2)
    html = model_training.training_pictures()
    assert html.count("<img") == 2
    assert "training object: 1" in html
