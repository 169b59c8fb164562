"""The loop: the only place where the stages and the ledger meet."""
