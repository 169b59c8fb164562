"""What cheap opinions are worth: goldleaf's weighing beside Snorkel's, crowd-kit's and the majority's."""
