"""The course chapter “PyTorch paper replicating”: exercises, recipes, recorded results, the metric detective."""
