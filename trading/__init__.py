"""What happened: instruments, executions, trades, positions, imports."""
