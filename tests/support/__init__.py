"""The world that the tests run in: a broker, databases, and the system's own processes."""
