"""Readers of test reports, one file per format."""
