"""What is learned from: folders and tables as people have them, clips, the split, outliers."""
