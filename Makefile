# Thin names for the commands of the README and CONTRIBUTING.
.PHONY: run test browser check bench

run:
	streamlit run app.py

test:
	python -m pytest

browser:
	python -m pytest -m browser tests/browser

check:
	ruff format --check .
	ruff check .
	mypy
	mkdocs build --strict --quiet
	npm ci --silent
	npx eslint .
	npx tsc

BENCHMARKS = machine forward start page click hover sessions knockout ledger experiments bytes training hostile

bench:
	for each in $(BENCHMARKS); do python -m benchmarks.$$each || exit 1; done
