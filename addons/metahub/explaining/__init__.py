"""What would become of an image, before anybody pulls it.

Knows rules and registries. Must not know who asks, nor how it is shown.
"""
