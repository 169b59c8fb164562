"""Items to vectors: one Protocol (`base.py`), one file a model family, a table of names (`names.py`)."""
