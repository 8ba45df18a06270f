"""One pass of the images through the frozen network, and the cache of what it gives."""
