"""Results store: one small JSON record per experiment, object and seed.

    <root>/<experiment>/<object>-s<seed>.json

A record carries the fingerprint of what decides its numbers (weights, data, configuration). It is handed out
only to who asks with the same fingerprint, so records of other weights or settings are never taken for ours.
It also carries a digest of all it says. Those that were stored before there was one have theirs in
`<root>/digests.json`, by fingerprint. Whatever does not agree with itself is refused by name.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from lrm_core.atomic import replacing
from lrm_core.canonical import canonical_json, numbers, plain
from lrm_core.files import HASH_LENGTH, read_json, sha256
from lrm_core.records.provenance import Provenance

DECIDING = ("model_hash", "data_hash", "configuration")
KINDS = {
    "experiment": str,
    "object": str,
    "seed": int,
    "fingerprint": str,
    "model_hash": str,
    "data_hash": str,
    "configuration": dict,
    "result": dict,
    "provenance": dict,
}
SHOWN = ("profile", "revision", "seconds")  # of the provenance, in a table
DIGESTS = "digests.json"


@dataclass(frozen=True)
class RecordKey:
    """What a record is of; `configuration` is the experiment's dataclass as a dictionary."""

    experiment: str
    object: str
    seed: int
    model_hash: str
    data_hash: str
    configuration: Mapping[str, Any]

    def __post_init__(self) -> None:
        for name in (self.experiment, self.object):
            if not name or Path(name).name != name:
                raise ValueError(f"expected a plain name without folders, found {name!r}")

    def as_dict(self) -> dict[str, Any]:
        """Plain values of all fields."""
        return {name: plain(value, name) for name, value in vars(self).items()}

    @property
    def fingerprint(self) -> str:
        """Digest of all fields."""
        return sha256(canonical_json(plain(self.as_dict())))[:HASH_LENGTH]


class ResultStore:
    """Records under one folder, usually `data/results/<profile>`."""

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def path(self, key: RecordKey) -> Path:
        """Where the record of an experiment, object and seed lies, whatever its other keys."""
        return self.root / key.experiment / f"{key.object}-s{key.seed}.json"

    def get(self, key: RecordKey) -> dict[str, Any] | None:
        """The record of exactly this key, or None if there is none (`stale` says whether another is there).

        ValueError naming the file, if it is not a whole record.
        """
        record = self._read(self.path(key)) if self.path(key).exists() else None
        return record if record and record["fingerprint"] == key.fingerprint else None

    def stale(self, key: RecordKey) -> str | None:
        """Why the stored record is not the one of this key, or is damaged; None if it is, or if nothing is stored."""
        if not self.path(key).exists():
            return None
        try:
            record, wanted = self._read(self.path(key)), key.as_dict()
        except ValueError as damaged:
            return str(damaged)
        reasons = [_difference(name, record[name], wanted[name]) for name in DECIDING if record[name] != wanted[name]]
        return f"{self.path(key)}: made by {'; '.join(reasons)}" if reasons else None

    def put(self, key: RecordKey, result: Mapping[str, Any], provenance: Provenance) -> Path:
        """Write a record, whole or not at all; it replaces any other of the same experiment, object and seed.

        ValueError, naming the entry, if a value is NaN, infinite or not storable. OSError, naming the file, if it
        cannot be written; what was there stays.
        """
        values = key.as_dict() | {
            "fingerprint": key.fingerprint,
            "result": plain(result, "result"),
            "provenance": plain(asdict(provenance), "provenance"),
        }
        path, record = self.path(key), {name: values[name] for name in KINDS}
        with replacing(path) as temporary:
            temporary.write_text(canonical_json(record | {"digest": _digest(record)}), encoding="utf-8")
        return path

    def records(self, experiment: str) -> Iterator[dict[str, Any]]:
        """All records of an experiment, in order of their file names; raises as `get`."""
        for path in sorted((self.root / experiment).glob("*.json")):
            yield self._read(path)

    def table(
        self, experiment: str, *, model_hash: str | None = None, configuration: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """One row per record: object, seed, the entries of `result` (nested names joined by dots), where it is from.

        Records of other weights than `model_hash`, or of another configuration, are left out where these are given.
        ValueError if the records that are left were made by different weights or configurations, or if a file is not
        a record.
        """
        wanted = {"model_hash": model_hash, "configuration": configuration and plain(configuration)}
        wanted = {name: value for name, value in wanted.items() if value is not None}
        records = [r for r in self.records(experiment) if all(r[n] == v for n, v in wanted.items())]
        for name in ("model_hash", "configuration"):
            if len({json.dumps(record[name]) for record in records}) > 1:
                raise ValueError(
                    f"{self.root / experiment}: records with different {name}; say which one is meant, "
                    "or run `lrm records --refresh`"
                )
        return pd.DataFrame([_row(record) for record in records])

    @cached_property
    def _digests(self) -> dict[str, str]:
        """Of records that carry none, by fingerprint."""
        path = self.root / DIGESTS
        return read_json(path) if path.exists() else {}

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            record = read_json(path)
            _check_fields(record, path)
            digest = _digest(record)
            wanted = record.get("digest", self._digests.get(record["fingerprint"], digest))
            if digest != wanted:
                raise ValueError(f"expected the digest {wanted} of what it says, found {digest}")
        except (OSError, ValueError) as error:
            reason = str(error).removeprefix(f"{path}: ")
            raise ValueError(
                f"{path}: damaged record ({reason}); `lrm records` makes it again, `lrm arms` one of an arm"
            ) from error
        return record


def _row(record: dict[str, Any]) -> dict[str, Any]:
    subject = {name: record[name] for name in ("experiment", "object", "seed")}
    hashes = {name: record[name] for name in ("model_hash", "data_hash", "fingerprint")}
    provenance = {f"provenance.{name}": record["provenance"][name] for name in SHOWN}
    return subject | _flat(record["result"]) | hashes | provenance


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, entry in value.items():
        flat |= _flat(entry, f"{prefix}{name}.") if isinstance(entry, dict) else {prefix + name: entry}
    return flat


def _digest(record: Mapping[str, Any]) -> str:
    """Digest of all fields of a record; ValueError naming the entry if one is NaN or infinite."""
    fields = {name: record[name] for name in KINDS}
    try:
        text = json.dumps(fields, sort_keys=True, allow_nan=False)
    except ValueError:
        plain(fields, "record")  # names the entry
        raise
    return sha256(text)[:HASH_LENGTH]


def _check_fields(record: Any, path: Path) -> None:
    """Raise a ValueError if a field is missing, of another kind, or does not agree with the others or the file."""
    missing = [name for name in KINDS if not isinstance(record, dict) or name not in record]
    if missing:
        raise ValueError(f"without {', '.join(missing)}")
    if unknown := sorted(record.keys() - {*KINDS, "digest"}):
        raise ValueError(f"with unknown {', '.join(unknown)}")
    odd = [n for n, kind in KINDS.items() if not isinstance(record[n], kind) or isinstance(record[n], bool)]
    odd += [f"provenance.{name}" for name in SHOWN if "provenance" not in odd and name not in record["provenance"]]
    if odd:
        raise ValueError(f"not of the expected kind: {', '.join(odd)}")
    if "digest" not in record and not numbers(record["result"]):
        raise ValueError("its result holds no number")
    key = RecordKey(*(record[name] for name in ("experiment", "object", "seed", *DECIDING)))
    if key.fingerprint != record["fingerprint"]:
        raise ValueError(f"its fields have the fingerprint {key.fingerprint}, it says {record['fingerprint']}")
    if (path.parent.name, path.stem) != (key.experiment, f"{key.object}-s{key.seed}"):
        raise ValueError(f"it is of {key.experiment}, {key.object}, seed {key.seed}")


def _difference(name: str, found: Any, wanted: Any) -> str:
    if not isinstance(wanted, dict):
        return f"{name} {found}, now {wanted}"
    changed = sorted(key for key in {*found, *wanted} if found.get(key) != wanted.get(key))
    return "configuration with " + ", ".join(f"{k} = {found.get(k)!r}, now {wanted.get(k)!r}" for k in changed)
