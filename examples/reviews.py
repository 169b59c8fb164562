"""Made-up reviews to try goldleaf with: reviews.csv, and gold.csv with the answers to replay.

python examples/reviews.py
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

THINGS = (
    "coffee|tea|dog food|olive oil|chocolate|granola|pasta|hot sauce|peanut butter|popcorn|soup|honey|salsa"
)
PLAIN = "I had it for breakfast.|It came in a box of twelve.|I bought it last week.|We tried it twice."
OPENING = {
    "positive": "I love this {}|The best {} I ever bought|Great {} for the price|This {} tastes wonderful|"
    "Delicious {}, and fresh|Excellent {}|I was happy with this {}|My family finished the {} in a day",
    "negative": "I hate this {}|The worst {} I ever bought|This {} is too expensive|This {} tastes awful|"
    "Stale {}, and bitter|Terrible {}|I was disappointed by this {}|We threw the {} away",
}
CLOSING = {
    "positive": "It arrived quickly.|I will buy it again.|Highly recommended.|My guests asked for more.",
    "negative": "The box was broken.|I want my money back.|Never again.|Nobody here would eat it.",
}


def reviews(count: int, seed: int = 0) -> list[tuple[str, str]]:
    """`count` pairs of review and label. The opening decides; one closing in eight says the opposite."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        label = rng.choice(("positive", "negative"))
        opposite = "negative" if label == "positive" else "positive"
        opening = rng.choice(OPENING[label].split("|")).format(rng.choice(THINGS.split("|")))
        closing = rng.choice(CLOSING[opposite if rng.random() < 1 / 8 else label].split("|"))
        made.append((f"{opening}. {rng.choice(PLAIN.split('|'))} {closing}", label))
    return made


def write(folder: Path, count: int = 2_000) -> None:
    """Write reviews.csv (column `review`) and gold.csv (columns `review`, `label`) into `folder`."""
    rows = reviews(count)
    for name, header in (("reviews.csv", ["review"]), ("gold.csv", ["review", "label"])):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([header, *(row[: len(header)] for row in rows)])


if __name__ == "__main__":
    write(Path())
