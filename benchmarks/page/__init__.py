"""How fast the page is: many people at once, a million items, and what a kill loses. `python -m benchmarks.page`."""
