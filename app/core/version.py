"""The version of this code, as workers report it and the API shows it; the same as in pyproject."""

VERSION = "1.1.0"
