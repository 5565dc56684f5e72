"""The pages: what is asked and shown. What is worked out stands in the modules above them."""
