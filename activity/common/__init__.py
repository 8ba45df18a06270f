"""What every other package uses: errors, how a script ends, complete files, stores, threads."""
