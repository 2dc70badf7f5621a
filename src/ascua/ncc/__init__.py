"""What nncase's `ncc` 0.2 does with kmodels, for those who know it."""
