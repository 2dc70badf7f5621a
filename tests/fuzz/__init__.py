"""Random networks: made from a seed, run everywhere, and shrunk where outputs differ.

`builder` has the draws and the tensors, `operators` a generator an operator, `networks` makes
networks of them, `everywhere` runs many at once, `shrink` makes those that fail small.
"""
