"""What speed and memory are measured against: ratios in one run, never limits of a test."""
