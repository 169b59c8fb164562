"""goldleaf.toml: everything a person decides, and nothing else."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goldleaf.certificates.base import METHODS
from goldleaf.certificates.choice import AUTO
from goldleaf.encode.base import Encoder, PoolEncoder
from goldleaf.encode.names import build
from goldleaf.errors import ConfigError, did_you_mean, names
from goldleaf.task import Classify, Target
from goldleaf.votes.names import check

FILE = "goldleaf.toml"

_HEADER = """\
# goldleaf.toml: what you decided. Change it and run `goldleaf label` again; the ledger keeps every version.
"""
_NOTES = {
    "task": "# What a label is. A new label goes at the end of `labels`; labels are never renamed or reordered.",
    "target": "# The error you can live with, and how sure you want to be. `cant_tell`: error, or exclude.\n"
    "# `second_opinions`: rows that a second person answers too, for the annotators' own disagreement.",
    "encoder": "# How items become vectors; pinned, so that nothing changes behind your back.",
    "ledger": "# Where the record is: a SQLite file in this folder, or postgresql://user@host/database.",
}
TEXT, NUMBER, WHOLE, LIST, TABLE = (str,), (int, float), (int,), (list,), (dict,)
SETTINGS: dict[str, dict[str, tuple[type, ...]]] = {
    "task": {
        "type": TEXT,
        "labels": LIST,
        "text": TEXT,
        "image": TEXT,
        "table": TEXT + LIST,
        "key": TEXT,
        "descriptions": TABLE,
        "guidelines": TEXT,
    },
    "target": {
        "error": NUMBER,
        "confidence": NUMBER,
        "cant_tell": TEXT,
        "per": TEXT,
        "second_opinions": WHOLE,
    },
    "encoder": {
        "name": TEXT,
        "path": TEXT,
        "column": TEXT,
        "fingerprint": TEXT,
    },  # and the encoder's arguments
    "audit": {"method": TEXT, "seed": WHOLE},
    "ledger": {"url": TEXT},
    "people": {"seconds": NUMBER, "overlap": NUMBER, "suggest": (bool,)},
    "sources": {},  # a table a source
}
_CALLED = {
    bool: "true or false",
    str: "text",
    float: "a number",
    int: "a whole number",
    list: "a list",
    dict: "a section",
}


@dataclass(frozen=True)
class Config:
    """The content of goldleaf.toml."""

    task: Classify
    target: Target
    encoder: dict[str, Any]
    seed: int
    ledger: str = "ledger.db"
    method: str = AUTO
    seconds: float | None = None  # per answer, for the forecasts of hours
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    overlap: float = 0.0  # share of first answers on the page for which a second person's is asked too
    suggest: bool = False  # whether the page shows the machine's label to who settles a disagreement

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"`seed` must not be negative, got {self.seed}.")
        if not 0 <= self.overlap <= 1:
            raise ConfigError(f"`overlap` under [people] must lie in [0, 1], got {self.overlap!r}.")
        if self.method not in (AUTO, *METHODS):
            raise ConfigError(f"Unknown audit method {self.method!r}; allowed: {names((AUTO, *METHODS))}.")
        if self.method == "threshold.v1" and self.target.per is not None:
            raise ConfigError(
                f"Under [audit] `method` is 'threshold.v1', but a target with `per` ({self.target.per!r}) needs bets.",
                do='Write method = "auto".',
            )

    def to_dict(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "task": self.task.to_dict(),
            "target": {
                "error": self.target.error,
                "confidence": self.target.confidence,
                "cant_tell": self.target.cant_tell,
            },
            "encoder": self.encoder,
            "audit": {"method": self.method, "seed": self.seed},
            "ledger": {"url": self.ledger},
        }
        if self.target.per is not None:
            body["target"]["per"] = self.target.per
        if self.target.second_opinions:
            body["target"]["second_opinions"] = self.target.second_opinions
        people = {"seconds": self.seconds, "overlap": self.overlap or None, "suggest": self.suggest or None}
        if set_ := {name: value for name, value in people.items() if value is not None}:
            body["people"] = set_
        if self.sources:
            body["sources"] = self.sources
        return body

    @classmethod
    def from_dict(cls, body: dict[str, Any]) -> Config:
        _check(body)
        people = body.get("people", {})
        return cls(
            task=Classify.from_dict(body["task"]),
            target=Target(**body["target"]),
            encoder=dict(body["encoder"]),
            seed=body["audit"]["seed"],
            ledger=body.get("ledger", {}).get("url", "ledger.db"),
            method=body["audit"].get("method", AUTO),
            seconds=people.get("seconds"),
            overlap=people.get("overlap", 0.0),
            suggest=people.get("suggest", False),
            sources=body.get("sources", {}),
        )

    def encoded_columns(self, fields: tuple[str, ...]) -> tuple[str, ...]:
        """The columns the encoder reads: the content, or the user's own vectors."""
        return (self.encoder["column"],) if "column" in self.encoder else fields

    def build_encoder(self, fields: tuple[str, ...], folder: Path) -> Encoder | PoolEncoder:
        """The pinned encoder; a relative `path` starts from the project's `folder`."""
        arguments = {
            name: value
            for name, value in self.encoder.items()
            if name not in ("name", "column", "fingerprint")
        }
        if "path" in arguments:
            arguments["path"] = folder / arguments["path"]
        encoder = build(self.encoder["name"], fields=self.encoded_columns(fields), **arguments)
        pinned = self.encoder.get("fingerprint", encoder.fingerprint)
        if pinned != encoder.fingerprint:
            raise ConfigError(
                f"The encoder `{self.encoder['name']}` is not the one this project was made with: "
                f"its fingerprint was {pinned}, now {encoder.fingerprint}.",
                do="Install the version of then, or delete `fingerprint` under [encoder] to take today's on purpose.",
            )
        return encoder


def read(folder: Path) -> Config:
    """Read goldleaf.toml of a project folder."""
    path = folder / FILE
    if not path.is_file():
        raise ConfigError(
            f"No {FILE} in {folder.resolve()}.",
            do="Go to a project's folder, or make one: goldleaf init FILE --text COLUMN --labels A,B",
        )
    try:
        return Config.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}.") from error
    except TypeError as error:
        raise ConfigError(f"{path} has a value of the wrong type: {error}.") from error


def write(folder: Path, config: Config) -> None:
    """Write goldleaf.toml, commented."""
    lines = [_HEADER]
    for section, body in config.to_dict().items():
        lines += [_NOTES.get(section, ""), *([f"[{section}]"] if section != "sources" else [])]
        nested = {name: value for name, value in body.items() if isinstance(value, dict)}
        lines += [f"{_key(name)} = {_value(value)}" for name, value in body.items() if name not in nested]
        for name, table in nested.items():
            lines += [
                f"[{section}.{_key(name)}]",
                *(f"{_key(key)} = {_value(value)}" for key, value in table.items()),
            ]
        lines.append("")
    temporary = folder / (FILE + ".new")
    temporary.write_text("\n".join(lines).replace("\n\n\n", "\n\n"), encoding="utf-8")
    temporary.replace(folder / FILE)


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_value(one)}" for key, one in value.items()) + " }"
    # JSON's strings, numbers, booleans and lists are TOML's too, but for one character that TOML wants escaped
    plain = json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
    return plain.replace("\x7f", "\\u007f")


def _check(body: dict[str, Any]) -> None:
    """Refuse unknown names, wrong types and what is missing."""
    _known(body, SETTINGS, "goldleaf.toml")
    for section, settings in SETTINGS.items():
        if section not in body and section in ("ledger", "people", "sources"):
            continue
        if not isinstance(body.get(section), dict):
            raise ConfigError(f"goldleaf.toml has no section [{section}].")
        if section == "sources":
            _check_sources(body[section])
        elif section != "encoder":
            _known(body[section], settings, f"[{section}]")
        for name, types in settings.items():
            value = body[section].get(name)
            if value is not None and (
                not isinstance(value, types) or isinstance(value, bool) != (types == (bool,))
            ):
                called = " or ".join(_CALLED[kind] for kind in types if not (kind is int and float in types))
                raise ConfigError(f"`{name}` under [{section}] must be {called}, got {value!r}.")
    for section, name in (("audit", "seed"), ("encoder", "name")):
        if name not in body[section]:
            raise ConfigError(f"[{section}] needs `{name}`, {_CALLED[SETTINGS[section][name][0]]}.")


def _check_sources(tables: dict[str, Any]) -> None:
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(
                f"`{name}` under [sources] must be a section, got {table!r}.", do=f"Write [sources.{name}]."
            )
        check(name, table)


def _known(body: dict[str, Any], allowed: Iterable[str], where: str) -> None:
    for name in body:
        if name not in allowed:
            raise ConfigError(
                f"Unknown setting `{name}` in {where}; allowed: {names(allowed)}.{did_you_mean(name, allowed)}"
            )


def canonical(config: Config) -> str:
    """As the ledger keeps it."""
    return json.dumps(config.to_dict(), sort_keys=True, ensure_ascii=False)


def check_change(before: str, now: Config) -> None:
    """Refuse a change that would make earlier answers mean something else.

    Raises:
        ConfigError: labels were removed, renamed or reordered, or the items' columns changed.
    """
    old = Config.from_dict(json.loads(before))
    kept = now.task.labels[: len(old.task.labels)]
    if kept != old.task.labels:
        raise ConfigError(
            f"`labels` in goldleaf.toml must start with the labels so far, {names(old.task.labels)}; got {names(now.task.labels)}.",
            do="Put them back in their order and add new labels at the end.",
        )
    for name in ("text", "image", "table", "key"):
        if getattr(old.task, name) != getattr(now.task, name):
            raise ConfigError(
                f"`{name}` in goldleaf.toml was {getattr(old.task, name)!r} when the items were imported, now {getattr(now.task, name)!r}.",
                do="Put it back, or make a new project: goldleaf init",
            )
