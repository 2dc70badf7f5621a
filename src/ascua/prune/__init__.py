"""Removes channels from Keras models: what is left is a smaller model."""
