"""One module a topic: its lines, and how the systems behind them are measured."""
