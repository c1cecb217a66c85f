"""The page in a real browser, on a real system with a past."""
