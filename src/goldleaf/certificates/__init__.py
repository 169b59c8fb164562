"""Certificates: from audit answers to a bound on the error of the delivered labels, recomputable by anyone."""
