"""The likely mistake in a model that broke or does not do what it should, and the report of it."""
