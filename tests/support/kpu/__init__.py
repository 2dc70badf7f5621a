"""A second, slow simulator of kmodel files, and random files to compare another one on."""
