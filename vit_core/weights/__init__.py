"""Anybody's weights: named, recognised or refused, renamed, converted, downloaded, and loaded into our model."""
