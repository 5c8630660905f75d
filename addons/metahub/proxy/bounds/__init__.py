"""How much there may be of what others send, and for how long: each bound is an option."""
