"""The contents of weights files, read without running anything in them: pickles, zips, safetensors headers."""
