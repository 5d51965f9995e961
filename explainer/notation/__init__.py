"""The paper's notation: symbols, equations, declared shapes, and the words, numbers and markup they are written in."""
