"""Which exact package versions a project asks for, read from its lists; nothing is executed or resolved."""
