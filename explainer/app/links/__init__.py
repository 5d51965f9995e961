"""The parameters of a link, the kind of each, and the one reader that lets nothing else through."""
