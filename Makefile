# Thin names for the commands of the README and CONTRIBUTING.
.PHONY: run test browser check bench

run:
	streamlit run app.py

test:
	python -m pytest

browser:
	python -m pytest -m browser tests/browser

check:
	ruff check .
	mypy

bench:
	python -m benchmarks.forward
	python -m benchmarks.start
	python -m benchmarks.sessions
