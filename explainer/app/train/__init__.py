"""The parts of the Train page: recipes, starting and watching a run."""
