"""What lies in files of weights, found without running anything that they say: pickles, zips, safetensors headers."""
