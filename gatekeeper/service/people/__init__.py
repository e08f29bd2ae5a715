"""People: their accounts, how they log in, their sessions, and what was granted to them."""
