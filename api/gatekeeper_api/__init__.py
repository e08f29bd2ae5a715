"""The HTTP API. Empty until the service is built on the same engine; see `api/README.md`."""
