"""`[sources.NAME]` in goldleaf.toml: what each table stands for, by the key that only its kind has."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from goldleaf.errors import ConfigError, did_you_mean, names
from goldleaf.votes.llm import LLM
from goldleaf.votes.module import functions_of
from goldleaf.votes.patterns import keywords, lookup, regex
from goldleaf.votes.table import Crowd, Predictions
from goldleaf.votes.zero_shot import ZeroShot

OWN = {"keywords": keywords, "regex": regex, "lookup": lookup}


def _file(value: Any, folder: Path) -> Path:
    return folder / Path(str(value)).expanduser()


def _functions(name: str, body: dict[str, Any], folder: Path) -> list[Any]:
    _check(name, body, ("functions",), "functions")
    return list(functions_of(_file(body["functions"], folder)))


def _predictions(name: str, body: dict[str, Any], folder: Path) -> list[Any]:
    table = _file(body.pop("predictions"), folder)
    return [_made(Predictions, name, {"table": table, **body}, "predictions", "table")]


def _column(name: str, body: dict[str, Any], folder: Path) -> list[Any]:
    return [_made(Predictions, name, {"label": body.pop("column"), **body}, "column", "label", "table")]


def _crowd(name: str, body: dict[str, Any], folder: Path) -> list[Any]:
    return [_made(Crowd, name, {"table": _file(body.pop("crowd"), folder), **body}, "crowd", "table")]


def _llm(name: str, body: dict[str, Any], folder: Path) -> list[Any]:
    return [_made(LLM, name, body, "model")]


def _zero_shot(name: str, body: dict[str, Any], folder: Path) -> list[Any]:
    if body.pop("zero_shot") is not True:
        raise ConfigError(f"`zero_shot` under [sources.{name}] must be true; remove the table to have none.")
    return [_made(ZeroShot, name, body, "zero_shot")]


def _keywords(name: str, body: dict[str, Any], folder: Path) -> list[Any]:
    return [_made(keywords, name, {"words": body.pop("keywords"), **body}, "keywords", "words")]


def _regex(name: str, body: dict[str, Any], folder: Path) -> list[Any]:
    return [_made(regex, name, {"pattern": body.pop("regex"), **body}, "regex", "pattern")]


def _lookup(name: str, body: dict[str, Any], folder: Path) -> list[Any]:
    return [_made(lookup, name, {"column": body.pop("lookup"), **body}, "lookup", "column")]


KINDS: dict[str, Callable[[str, dict[str, Any], Path], list[Any]]] = {
    "model": _llm,
    "functions": _functions,
    "keywords": _keywords,
    "regex": _regex,
    "lookup": _lookup,
    "predictions": _predictions,
    "column": _column,
    "crowd": _crowd,
    "zero_shot": _zero_shot,
}


def sources(tables: Mapping[str, dict[str, Any]], folder: Path) -> list[Any]:
    """The sources that the tables stand for; files start from the project's `folder`.

    Raises:
        ConfigError: a table of no kind, a setting that its kind does not have, or one that it lacks.
    """
    return [
        one for name, body in tables.items() for one in KINDS[kind_of(name, body)](name, dict(body), folder)
    ]


def check(name: str, body: Mapping[str, Any]) -> None:
    """Refuse a table that stands for no source, such as one with a key of a server in it; runs nothing.

    Raises:
        ConfigError: see `sources`.
    """
    kind = kind_of(name, body)
    if kind == "functions":
        _check(name, body, (kind,), kind)
    else:
        KINDS[kind](name, dict(body), Path())


def kind_of(name: str, body: Mapping[str, Any]) -> str:
    """The key that says what kind of source a table is."""
    found = [kind for kind in KINDS if kind in body]
    if len(found) != 1:
        raise ConfigError(
            f"[sources.{name}] must have one of {names(KINDS)}, got {names(body)}.",
            do="Write e.g. base_url and model for an LLM, keywords and label for a rule.",
        )
    return found[0]


def _made(make: Callable[..., Any], name: str, body: dict[str, Any], kind: str, *hidden: str) -> Any:
    """`make` called with the table's settings; `hidden` arguments have another name there."""
    known = {
        one.name: one
        for one in inspect.signature(make).parameters.values()
        if one.name not in ("name", *hidden)
    }
    _check(name, {key: value for key, value in body.items() if key not in hidden}, known, kind)
    for one in known.values():
        if one.default is one.empty and one.name not in body:
            raise ConfigError(f"[sources.{name}] needs `{one.name}`.")
    try:
        return make(**body, name=name)
    except TypeError as error:
        raise ConfigError(f"[sources.{name}] has a value of the wrong type: {error}.") from error


def _check(name: str, body: Mapping[str, Any], known: Iterable[str], kind: str) -> None:
    allowed = [*dict.fromkeys([kind, *known])]
    for setting in body:
        if setting not in allowed:
            close = did_you_mean(setting, allowed)
            raise ConfigError(
                f"Unknown setting `{setting}` under [sources.{name}]; allowed: {names(allowed, 30)}.{close}"
            )
