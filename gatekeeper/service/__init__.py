"""The use cases of the server: each is one function, one transaction, committed before it returns."""
