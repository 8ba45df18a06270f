"""The review page: look at labelled clips, correct their labels, save the corrections."""
