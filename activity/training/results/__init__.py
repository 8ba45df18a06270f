"""What training gave: the score and how far it can be believed, report, pictures, remarks."""
