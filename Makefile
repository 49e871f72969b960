# Every target sets up what it needs by itself. ARGS is passed on: make test ARGS="-k import"

PYTHON := .venv/bin/python
# For what reads the settings and needs no server: an address where nothing answers.
OFFLINE := EMBEDDED_SERVICES=0 DATABASE_URL=postgresql://127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0

.DEFAULT_GOAL := help
.PHONY: help environment demo test check bench bench-pages screenshots messages lock secrets clean

help: ## show this list
	@sed -n 's/^\([a-z-]*\): .*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

environment:
	@python3 .ci/environment

demo: environment ## fill the journal with sample accounts and serve it
	@$(PYTHON) manage.py demo $(ARGS)

test: environment ## run all tests, the browser's too, on real servers in a throw-away place
	@$(PYTHON) -m pytest -n 2 --dist worksteal $(ARGS)

check: environment ## format, lint, import directions, types, migrations
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	.venv/bin/lint-imports
	$(OFFLINE) $(PYTHON) -m mypy
	$(OFFLINE) $(PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run

bench: environment ## time the seven scenarios, cold and warm
	@$(PYTHON) manage.py benchmark_accounts $(ARGS)

bench-pages: environment ## time every page and panel with 1,000 accounts and 1,000,000 trades
	@$(PYTHON) manage.py benchmark_pages $(ARGS)

screenshots: environment ## take pictures of every page, and list what is wrong (ARGS="--sizes empty,demo,large")
	@$(PYTHON) manage.py screenshots $(ARGS)

messages: environment ## gather what pages say into the French catalogue, and compile it (needs gettext)
	@$(OFFLINE) $(PYTHON) manage.py makemessages --locale fr --extension html,txt,py --no-wrap --no-obsolete --add-location file \
		--ignore '.venv/*' --ignore 'node_modules/*' --ignore 'var/*' --ignore 'tests/*' --ignore 'templates/contact_sheet.html'
	@# Not by compilemessages, which takes the "% i" of "the 95 % interval" for a place to fill in.
	@msgfmt --output-file=config/locale/fr/LC_MESSAGES/django.mo config/locale/fr/LC_MESSAGES/django.po

lock: ## resolve the dependencies of pyproject.toml anew
	@.ci/lock

secrets: ## make the passwords and keys that docker-compose.yml mounts, once
	@.ci/secrets

clean: ## stop the servers; delete var/ with its database, and all caches
	@if [ -d var ] && [ -x $(PYTHON) ]; then $(PYTHON) -m config.embedded delete var; fi
	rm -rf var .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage htmlcov
	find . -name __pycache__ -not -path './.venv/*' -not -path './node_modules/*' -prune -exec rm -rf {} +
