"""Views of what changes: an intervention before and after, two sides next to each other, experiments."""
