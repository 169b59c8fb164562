"""What the JSON API takes, and the parts of its replies that programs rely on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Whole = Annotated[int, Field(ge=0, lt=2**53)]
Ahead = Annotated[int, Field(ge=1, le=5)]
Text = Annotated[str, Field(max_length=10_000)]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Answer(Strict):
    """An answer to a question that was handed out."""

    question: Whole
    answer: Literal["label", "cant_tell", "skip"]
    label: Text | None = None
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    suggested: bool = False
    comment: Text | None = None
    flag: bool = False
    ahead: Ahead = 1


class Undo(Strict):
    """Which answer to take back; the newest by default."""

    question: Whole | None = None
    ahead: Ahead = 1


class Release(Strict):
    """Questions to give back."""

    questions: Annotated[list[Whole], Field(max_length=100)]


class Correction(Strict):
    """A new answer to an item that has one, or a first one from outside the questions."""

    position: Whole
    answer: Literal["label", "cant_tell"]
    label: Text | None = None
    comment: Text | None = None


class Note(Strict):
    """A remark about an item."""

    position: Whole
    kind: Literal["comment", "flag", "unflag"]
    text: Text | None = None


class NewPerson(Strict):
    """Somebody who may answer."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    role: Literal["admin", "reviewer", "annotator"] = "annotator"
    password: Annotated[str, Field(max_length=1000)] | None = None


class PersonChange(Strict):
    """What to change; what is left out stays."""

    role: Literal["admin", "reviewer", "annotator"] | None = None
    active: bool | None = None
    password: Annotated[str, Field(max_length=1000)] | None = None


class PasswordChange(Strict):
    """One's own password."""

    old: Annotated[str, Field(max_length=1000)] | None = None
    new: Annotated[str, Field(max_length=1000)]


class Fault(BaseModel):
    """Why a request was refused, and what to do."""

    status: int
    code: str
    what: str
    do: str | None


class Error(BaseModel):
    """The one shape of every refusal."""

    error: Fault


REFUSALS: dict[int | str, dict[str, Any]] = {
    code: {"model": Error, "description": text}
    for code, text in {
        401: "nobody is logged in",
        403: "not allowed, or not from a page of goldleaf",
        404: "no such thing",
        409: "somebody else was first",
        413: "too large",
        422: "cannot be done as asked",
        429: "too many tries",
        503: "the ledger cannot be written now; nothing was kept",
    }.items()
}
