"""What verbs do, as functions: the command line prints what they answer, Python uses it."""
