"""Sentences of the findings: Markdown with fields, in `texts/`."""

import re
from functools import cache
from pathlib import Path


def say(text: str, section: str, **fields: str) -> str:
    """A section of a text with its fields filled in.

    Args:
        text: name of the file in `texts/`, without its ending.
        section: heading of the section.
        fields: numbers as text, by the names in braces.

    Raises:
        ValueError: if there is no such section, or a field that it names is missing.
    """
    path = Path(__file__).parent / "texts" / f"{text}.md"
    sections = _sections(path)
    if section not in sections:
        raise ValueError(f"{path}: no section {section!r}; it has {', '.join(sections)}")
    try:
        return sections[section].format(**fields)
    except KeyError as error:
        raise ValueError(f"{path}: section {section!r} has a field {error} that nothing fills") from error


@cache
def _sections(path: Path) -> dict[str, str]:
    parts = re.split(r"^## (.+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}
