"""`/docs`: every operation on one page, made of openapi.json. No scripts, nothing from elsewhere.

FastAPI's own page loads Swagger UI from a CDN: it shows nothing offline, and runs what the CDN sends.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
       color: #1b1f24; background: #fff }
code, .path { font-family: ui-monospace, monospace; font-size: .95em }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #d0d7de }
h3 { font-size: 1rem; margin: 1.5rem 0 .25rem }
.method { display: inline-block; min-width: 4.5rem; font-weight: 700 }
p { margin: .25rem 0; white-space: pre-line }
table { border-collapse: collapse; margin: .5rem 0; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .2rem .75rem .2rem 0;
         border-bottom: 1px solid #eaeef2 }
a { color: #0550ae }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117 } a { color: #79c0ff }
  h2, th, td { border-color: #30363d }
}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CSP = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


def render(document: Mapping[str, Any]) -> bytes:
    """The page for an OpenAPI document, in the order of its tags."""
    info = document["info"]
    title = f"{info['title']} {info['version']}"
    body = "".join(
        f'<h2 id="{escape(tag["name"])}">{escape(tag["name"])}</h2>'
        f"<p>{escape(tag['description'])}</p>{operations}"
        for tag in document.get("tags", ())
        if (operations := "".join(_operations(document, tag["name"])))
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1><p>{escape(info.get('summary', ''))}</p>"
        f"<p>{escape(info['description'])}</p>"
        f'<p>For programs: <a href="/openapi.json">openapi.json</a>.</p>{body}</html>\n'
    ).encode()


def _operations(document: Mapping[str, Any], tag: str) -> Iterator[str]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation.get("tags", ()):
                yield _operation(document, path, method, operation)


def _operation(document: Mapping[str, Any], path: str, method: str, operation: Mapping[str, Any]) -> str:
    anchor = escape(operation["operationId"])
    parts = [
        f'<h3 id="{anchor}"><span class="method">{method.upper()}</span> '
        f'<span class="path">{escape(path)}</span></h3>',
        f"<p><strong>{escape(operation.get('summary', ''))}</strong></p>",
        f"<p>{escape(operation.get('description', ''))}</p>",
    ]
    if parameters := operation.get("parameters"):
        rows = [
            (
                item["name"],
                f"{item['in']}, {_type(item['schema'])}" + (", required" if item.get("required") else ""),
                item.get("description", ""),
            )
            for item in parameters
        ]
        parts.append(_table(("parameter", "", ""), rows))
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(
            f"<p>Body <code>{escape(media)}</code></p>{_fields(document, content.get('schema', {}))}"
        )
    answers = [
        (
            status,
            answer.get("description", ""),
            ", ".join(_type(c.get("schema", {})) for c in contents.values()),
        )
        for status, answer in operation["responses"].items()
        for contents in [answer.get("content", {})]
    ]
    parts.append(_table(("answer", "", ""), answers))
    return "".join(parts)


def _fields(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The members of a body, one level deep."""
    if reference := schema.get("$ref"):
        schema = document["components"]["schemas"][reference.rpartition("/")[2]]
    required = schema.get("required", ())
    rows = [
        (name, _type(field) + (", required" if name in required else ""), field.get("description", ""))
        for name, field in schema.get("properties", {}).items()
    ]
    return _table(("member", "", ""), rows) if rows else ""


def _type(schema: Mapping[str, Any]) -> str:
    """A schema in a few words."""
    match schema:
        case {"$ref": str(reference)}:
            return reference.rpartition("/")[2]
        case {"anyOf": options} | {"oneOf": options}:
            return " or ".join(map(_type, options))
        case {"enum": values}:
            return ", ".join(map(str, values))
        case {"const": value}:
            return str(value)
        case {"type": "array", "items": items}:
            return f"list of {_type(items)}"
        case {"type": str(name)}:
            return name
        case _:
            return ""


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{lines}</table>"
