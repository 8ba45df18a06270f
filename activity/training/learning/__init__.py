"""Learning: the head, fine-tuning of the last stages, and the int8 version."""
