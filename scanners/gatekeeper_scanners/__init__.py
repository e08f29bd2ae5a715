"""Scanners: their own environments, the sandboxed runner, one module per tool."""
