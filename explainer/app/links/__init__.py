"""The parameters of a link: which there are, what each may be, and the one reader that lets nothing else through."""
