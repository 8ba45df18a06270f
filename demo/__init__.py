"""Stand-in photos and clips of three activities, drawn by a program: both commands run anywhere."""
