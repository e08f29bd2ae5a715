"""Readers of coverage reports, one file per format."""
