"""What all other packages use: errors, how a script starts and ends, files, stores, threads."""
