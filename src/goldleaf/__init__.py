"""goldleaf: a few gold labels, beaten thin over the whole data set.

items ─▶ votes ─▶ posteriors ─▶ questions ─▶ certificates ─▶ exports
 add      label     infer          ask           certify        export
              ▲                      │
              └──── a person answers ┘        everything is recorded in the ledger

import goldleaf as gl
project = gl.Project.create("reviews/", items="reviews.csv",
                            task=gl.Classify(["positive", "negative"], text="review"))
project.label(gl.Replay("gold.csv"))
print(project.certificate)
table = project.export()
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from goldleaf.errors import GoldleafError
    from goldleaf.project.base import Project
    from goldleaf.schema import Certificate, Item, Question, Reply
    from goldleaf.task import Classify, Target
    from goldleaf.votes.function import labeling_function
    from goldleaf.votes.llm import LLM
    from goldleaf.votes.patterns import keywords, lookup, regex
    from goldleaf.votes.replay import Replay
    from goldleaf.votes.table import Crowd, Matrix, Predictions
    from goldleaf.votes.zero_shot import ZeroShot

__version__ = "0.1.0"
__all__ = [
    "LLM",
    "Certificate",
    "Classify",
    "Crowd",
    "GoldleafError",
    "Item",
    "Matrix",
    "Predictions",
    "Project",
    "Question",
    "Replay",
    "Reply",
    "Target",
    "ZeroShot",
    "keywords",
    "labeling_function",
    "lookup",
    "regex",
]

_HOME = {
    "Certificate": "schema",
    "Classify": "task",
    "Crowd": "votes.table",
    "GoldleafError": "errors",
    "Item": "schema",
    "LLM": "votes.llm",
    "Matrix": "votes.table",
    "Predictions": "votes.table",
    "Project": "project.base",
    "Question": "schema",
    "Replay": "votes.replay",
    "Reply": "schema",
    "Target": "task",
    "ZeroShot": "votes.zero_shot",
    "keywords": "votes.patterns",
    "labeling_function": "votes.function",
    "lookup": "votes.patterns",
    "regex": "votes.patterns",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import goldleaf` is instant."""
    if name not in _HOME:
        raise AttributeError(f"module 'goldleaf' has no attribute {name!r}")
    return getattr(importlib.import_module(f"goldleaf.{_HOME[name]}"), name)
