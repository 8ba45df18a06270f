"""What all other packages use: errors, how a script ends, complete files, stores, threads."""
