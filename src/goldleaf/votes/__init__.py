"""Sources of opinions on items: answers replayed, labeling functions, imported tables, crowds, zero-shot, LLMs."""
