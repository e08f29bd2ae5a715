"""Problem codes of reports, in English. A reader may only use a code that stands here (a test holds it)."""

from types import MappingProxyType

PROBLEMS = MappingProxyType(
    {
        # Unreadable: nothing of the report can be used.
        "empty": "the file is empty",
        "unknown-format": "no known report format; it begins with {head}",
        "too-large": "the report is {bytes} bytes; the limit is {limit}",
        "malformed": "not well-formed at {where}: {detail}",
        "hostile": "refused: {detail}",
        "too-deep": "nested deeper than {limit} levels",
        "too-many-items": "more than {limit} items",
        "wrong-shape": "the content does not fit the format: {detail}",
        "encoding": "the text encoding cannot be read: {detail}",
        # Reading XML.
        "sanitised": "{count:character|characters} that XML forbids were replaced before reading",
    }
)
