"""Benchmarks of the HTTP service: real processes, real databases, a load generator beside them."""
