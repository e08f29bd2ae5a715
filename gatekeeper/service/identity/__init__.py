"""Who sends a request, and what they may do: tokens, identities of CI jobs, and the checks over both."""
