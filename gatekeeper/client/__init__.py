"""The typed HTTP client: what a pipeline asks of a server."""
