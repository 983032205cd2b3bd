"""What the explorables display."""

import pytest

from lrm_core.page.explorables import widget
from lrm_core.page.explorables.widget import Explorable


@pytest.fixture
def quiet(monkeypatch) -> list[Explorable]:
    """What was displayed."""
    shown = []
    monkeypatch.setattr(widget, "display", shown.append)
    return shown
