"""The parts of the Data page, and the choice of a data set wherever one is needed."""
