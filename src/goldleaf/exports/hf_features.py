"""Arrow types as Hugging Face features: in the shards' metadata as JSON, in the card as YAML.

Follows `datasets.features` (generate_from_arrow_type, Features._to_yaml_list), so that the library itself is
not needed to write what it reads.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from goldleaf.exports.json_text import is_list

IMAGE = {"_type": "Image"}
IMAGE_TYPE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_RENAMED = {
    "halffloat": "float16",
    "float": "float32",
    "double": "float64",
    "date32[day]": "date32",
    "date64[ms]": "date64",
}
_NOT_STRINGS = {
    "null",
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "y",
    "n",
}  # words YAML reads as something else


class NoFeatureError(Exception):
    """An Arrow type without a Hugging Face feature."""


def storage_type(kind: Any) -> Any:
    """The nearest type that has a feature: of dictionaries the values, of extensions what they store."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return storage_type(kind.storage_type)
    if types.is_dictionary(kind):
        return storage_type(kind.value_type)
    if types.is_string_view(kind):
        return pa.large_string()
    if types.is_binary_view(kind):
        return pa.large_binary()
    if types.is_struct(kind):
        return pa.struct([pa.field(field.name, storage_type(field.type)) for field in kind])
    if types.is_fixed_size_list(kind):
        return pa.list_(storage_type(kind.value_type), kind.list_size)
    if types.is_large_list(kind):
        return pa.large_list(storage_type(kind.value_type))
    if types.is_list(kind):
        return pa.list_(storage_type(kind.value_type))
    return kind


def feature(kind: Any) -> dict[str, Any]:
    """The feature of a type out of `storage_type`, in the form of `Features.to_dict`.

    Raises:
        NoFeatureError: there is none, e.g. for maps and unions.
    """
    types = pa.types
    if types.is_struct(kind):
        return {field.name: feature(field.type) for field in kind}
    if is_list(kind):
        inner = feature(kind.value_type)
        if types.is_large_list(kind):
            return {"feature": inner, "_type": "LargeList"}
        length = {"length": kind.list_size} if types.is_fixed_size_list(kind) else {}
        return {"feature": inner, **length, "_type": "List"}
    primitive = types.is_primitive(kind) and not types.is_interval(kind)
    stringlike = types.is_string(kind) or types.is_large_string(kind)
    byteslike = types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind)
    decimal = types.is_decimal128(kind) or types.is_decimal256(kind)
    if not (primitive or stringlike or byteslike or decimal or types.is_null(kind)):
        raise NoFeatureError(str(kind))
    return {"dtype": _RENAMED.get(str(kind), str(kind)), "_type": "Value"}


def metadata(features: dict[str, Any]) -> dict[bytes | str, bytes | str]:
    """What `datasets` reads from a Parquet file's own metadata."""
    return {b"huggingface": json.dumps({"info": {"features": features}}).encode()}


def front_matter(features: dict[str, Any]) -> str:
    """The YAML head of the card.

    No `configs` with `data_files`: `datasets` finds the shards by their names, and with patterns it would take no
    notice of a later export into the same folder, but serve the earlier one from its cache (seen with 5.2).
    """
    listed = [{"name": name, **_yaml_form(body)} for name, body in features.items()]
    return "---\n" + "\n".join(_block({"dataset_info": {"features": listed}})) + "\n---\n"


def _yaml_form(body: dict[str, Any]) -> dict[str, Any]:
    """As `Features._to_yaml_list` writes a feature."""
    kind = body.get("_type")
    if not isinstance(kind, str):
        return {"struct": [{"name": name, **_yaml_form(inner)} for name, inner in body.items()]}
    if kind == "Value":
        return {"dtype": body["dtype"]}
    if kind == "Image":
        return {"dtype": "image"}
    if kind == "ClassLabel":
        return {"dtype": {"class_label": {"names": {str(n): name for n, name in enumerate(body["names"])}}}}
    inner = _yaml_form(body["feature"])
    short = inner[next(iter(inner))] if set(inner) in ({"dtype"}, {"struct"}) else inner
    length = {"length": body["length"]} if "length" in body else {}
    return {"large_list" if kind == "LargeList" else "list": short, **length}


def _block(node: Any, indent: int = 0) -> list[str]:
    """A dict or list in YAML's block style."""
    pad = "  " * indent
    if isinstance(node, dict):
        lines: list[str] = []
        for key, value in node.items():
            if isinstance(value, dict | list):
                lines += [f"{pad}{_scalar(key)}:", *_block(value, indent + 1)]
            else:
                lines.append(f"{pad}{_scalar(key)}: {_scalar(value)}")
        return lines
    listed: list[str] = []
    for value in node:
        first, *rest = _block(value, indent + 1)
        listed += [f"{pad}- {first.lstrip()}", *rest]
    return listed


def _scalar(value: str | int) -> str:
    """A plain word as it is; any other text in double quotes, what YAML may not print escaped."""
    if isinstance(value, int):
        return str(value)
    if value.isidentifier() and value.isascii() and value.lower() not in _NOT_STRINGS:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\U{ord(char):08X}" for char in escaped) + '"'
