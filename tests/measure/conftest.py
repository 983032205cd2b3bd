"""The tiny model and objects of these tests."""

from tiny_measure import cache, item, make_object, model

__all__ = ["cache", "item", "make_object", "model"]
