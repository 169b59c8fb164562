"""From labels and vectors to P(label) for every item, and P(that label is wrong)."""
