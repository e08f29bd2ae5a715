"""Policies: the model, the loader, the pure evaluation, its score and remedies, tests in the file."""
