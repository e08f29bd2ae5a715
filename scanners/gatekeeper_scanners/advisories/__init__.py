"""The advisory mirror: OSV records kept on this machine, matched here, served to a scanner on loopback."""
