"""Other task systems, each in an environment of its own, at the versions in `requirements/`."""
