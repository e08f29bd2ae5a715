"""The job engine behind its port of five methods: DBOS, leases, and what a worker does."""
