"""Views of a decision: pure functions from `Decision` to text, one file per format."""
