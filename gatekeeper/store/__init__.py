"""Rows and blobs. Domain types come in and go out; rows never leave."""
