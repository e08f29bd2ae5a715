"""Reading reports in child processes, within limits of memory and time."""
