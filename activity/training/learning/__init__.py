"""What learns from the features: the head, the last stages of the network; and int8."""
