"""Report bytes in, `Report` out: one reader per format, detection by content, limits in one place."""
