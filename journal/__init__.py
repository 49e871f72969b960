"""What it means: day rollups, metrics, reports, dashboards."""
