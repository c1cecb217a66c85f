"""`make bench`: the proof of what is promised about speed, side by side with the alternatives."""
