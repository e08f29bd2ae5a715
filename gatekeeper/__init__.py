"""Gatekeeper: may this build enter the next stage? The core: no web framework, no scanner names."""

__version__ = "0.1.0"
