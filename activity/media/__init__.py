"""Photos and clips in and out: decoding, augmentation, live sources, the written clip, sound."""
