"""Work on many machines with Ray: clips to label, features to compute."""
