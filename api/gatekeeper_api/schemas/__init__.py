"""The shapes of requests and answers. None of them leaves this package and the routes."""
