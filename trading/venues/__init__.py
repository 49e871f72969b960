"""Where orders go: the paper venue here, and those outside."""
