"""Shows results: tables for a terminal, Markdown for the documentation."""
