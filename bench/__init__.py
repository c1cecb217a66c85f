"""`make bench`: what tracking in a database costs, side by side with bare Celery."""
