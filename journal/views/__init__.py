"""Pages of what it means, a module for each place of the rail."""
