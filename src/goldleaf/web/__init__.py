"""The page: people answer in a browser, and watch the proof come closer."""
