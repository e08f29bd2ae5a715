"""Every limit on a report in one place; each refusal names the value and the limit."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds that keep a hostile report from costing more than a large honest one."""

    max_bytes: int = 512 * 1024 * 1024
    max_depth: int = 200
    """Nested elements or arrays."""
    max_token_bytes: int = 16 * 1024 * 1024
    """One attribute value or one run of text."""
    max_attributes: int = 256
    max_items: int = 10_000_000
    """Test cases, findings or lines."""
    max_findings: int = 1_000_000
    max_locations: int = 1_000
    """Locations per finding; the rest is counted, not read."""
    max_message_chars: int = 2_000
    """Messages are cut to this; the report itself is kept whole elsewhere."""
    max_failures: int = 1_000
    """Failed tests kept by name; the counts are always complete."""


DEFAULT_LIMITS = Limits()
