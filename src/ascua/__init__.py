"""Ascua: from data to measured firmware."""
