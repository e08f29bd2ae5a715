"""Readers of finding reports, one file per format."""
