"""Float networks become graphs of the K210's operators, and kmodels."""
