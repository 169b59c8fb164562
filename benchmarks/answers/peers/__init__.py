"""The published ways to a labeled data set with a stated error, each a pure function on arrays."""
