"""Many people at one project: who holds which question, what they said, and what they may look at."""
