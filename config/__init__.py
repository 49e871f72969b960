"""The Django project: settings, urls, the API index, Celery, embedded services."""
