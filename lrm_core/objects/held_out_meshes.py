"""Which meshes no training may see: those that the project evaluates on, and the library that they leave whole."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

LIBRARY = "Scopia"
PREFIX = "cc0_"  # of the evaluated objects, before the name that they have in their library


@dataclass(frozen=True)
class HeldOutMeshes:
    """Digests of the evaluated meshes, and their names in lower case without the prefix."""

    digests: frozenset[str]
    names: frozenset[str]

    @classmethod
    def of(cls, data: Path) -> HeldOutMeshes:
        """Those that `objects/LICENSES.json` in the data folder lists.

        Raises:
            FileNotFoundError: if there is no such list.
        """
        facts = json.loads((data / "objects/LICENSES.json").read_text(encoding="utf-8"))["objects"]
        names = frozenset(name.removeprefix(PREFIX).lower() for name in facts)
        return cls(frozenset(fact["sha256"] for fact in facts.values()), names)

    def reason(self, stem: str, digest: str, library: str = "") -> str | None:
        """Why a mesh is held out; None if it is not.

        The same object converted with other settings has another digest, so that names count as well.

        Args:
            stem: of its file, `<name>`, `cc0_<name>` or `<library>__<name>`.
            digest: SHA-256 of the file.
            library: that it is from, if known.
        """
        before, _, name = stem.rpartition("__")
        if LIBRARY in (library, before):
            return f"the library {LIBRARY} is for evaluation"
        if digest in self.digests:
            return "is an evaluated mesh"
        if name.removeprefix(PREFIX).lower() in self.names:
            return "has the name of an evaluated mesh"
        return None
