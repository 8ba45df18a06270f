"""Networks, the engines that run them, and the classifier on disk."""
