"""Which items to put before a person next, and when to stop training."""
