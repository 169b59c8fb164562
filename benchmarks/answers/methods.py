"""Every method of the benchmark by name. A family has one method a setting; the table shows the best fixed one."""

from __future__ import annotations

from functools import partial

from benchmarks.answers import ours
from benchmarks.answers.case import Method
from benchmarks.answers.oracle import oracle
from benchmarks.answers.peers import activeml, pac_exact, pac_wsr, random_exact, tbal
from benchmarks.answers.peers.all_human import all_human
from goldleaf.errors import ConfigError, did_you_mean, names

ORACLE, OURS, HUMAN = "oracle", "goldleaf", "all_human"
ORACLE_SEEDS = 3  # the lower bound hardly depends on the seed, and is most of the work
ABLATION_SEEDS = 5
PEERS: dict[str, str] = {
    "random_exact": "(a) random, exact",
    "pac_wsr": "(b) PAC labels",
    "pac_exact": "(c) margin, exact",
    "tbal": "(d) TBAL",
    "activeml": "(e) scikit-activeml",
}
"""The published ways that compete, and how the tables call them."""


def methods() -> dict[str, Method]:
    """All methods by name, `family[setting]` where a family has several."""
    found: dict[str, Method] = {}
    for size in random_exact.SIZES:
        found[f"random_exact[m={size:g}]"] = partial(random_exact.random_exact, size=size)
    for size in pac_wsr.SIZES:
        found[f"pac_wsr[m={size:g}]"] = partial(pac_wsr.pac_wsr, size=size)
    for size in pac_exact.SIZES:
        found[f"pac_exact[m={size:g}]"] = partial(pac_exact.pac_exact, size=size)
    for training, validation in tbal.SETTINGS:
        found[f"tbal[{training:g}+{validation:g}]"] = partial(
            tbal.tbal, training=training, validation=validation
        )
    for strategy, share in activeml.SETTINGS:
        found[f"activeml[{strategy} {share:g}]"] = partial(activeml.activeml, strategy=strategy, share=share)
    found[HUMAN] = all_human
    found[ORACLE] = oracle
    return found | ours.METHODS


def family(name: str) -> str:
    """`pac_wsr` of `pac_wsr[m=500]`."""
    return name.partition("[")[0]


def is_ablation(name: str) -> bool:
    """Whether it is goldleaf with an ingredient taken away."""
    return name.startswith(f"{OURS} ")


def chosen(wanted: str) -> dict[str, Method]:
    """The methods named in `wanted`: "all", or names or families, separated by commas."""
    every = methods()
    if wanted == "all":
        return every
    picked: dict[str, Method] = {}
    for word in (part.strip() for part in wanted.split(",")):
        some = {name: method for name, method in every.items() if word in (name, family(name))}
        if not some:
            known = dict.fromkeys([*map(family, every), *every])
            raise ConfigError(
                f"`--methods` names {word!r}; allowed: all, {names(dict.fromkeys(map(family, every)), 40)}."
                f"{did_you_mean(word, known)}",
                do="Give names separated by commas, or --methods all.",
            )
        picked |= some
    return picked
