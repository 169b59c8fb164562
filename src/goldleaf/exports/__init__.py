"""The labeled data set in the format of the next tool, with source, probability and human/machine mark."""
