"""Runs: their files and metrics, what they will cost, and the processes that compute them."""
