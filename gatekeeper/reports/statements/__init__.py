"""Readers of what people and trackers state: counts that no scanner wrote."""
